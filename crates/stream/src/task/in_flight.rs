//! Records that a barrier overtook: part of its checkpoint, and processed first after a restore.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::data::Data;
use crate::exchange::Batch;
use crate::failure::{Result, SuppressRestarts};

/// Records on their way over one exchange to one subtask, in their order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct InFlight {
    /// The number of the exchange among those of its gate.
    pub(crate) edge: u32,
    /// The subtask they were on their way to.
    pub(crate) to: u32,
    records: u32,
    /// Time and record in Borsh, one behind the other.
    bytes: Vec<u8>,
}

impl InFlight {
    pub(crate) fn new(edge: usize, to: usize) -> Self {
        let narrow = |number| u32::try_from(number).expect("few exchanges and subtasks");
        Self {
            edge: narrow(edge),
            to: narrow(to),
            records: 0,
            bytes: Vec::new(),
        }
    }

    pub(crate) fn add<T: Data>(&mut self, batch: &Batch<T>) {
        for (record, timestamp) in batch.iter() {
            let written = timestamp
                .serialize(&mut self.bytes)
                .and_then(|()| record.serialize(&mut self.bytes));
            written.expect("writing to memory does not fail");
            self.records += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Every record with its time.
    pub(crate) fn read<T: Data>(&self) -> Result<Vec<(T, i64)>> {
        let mut bytes = self.bytes.as_slice();
        let mut read = || {
            let timestamp = i64::deserialize(&mut bytes)?;
            Ok::<_, std::io::Error>((T::deserialize(&mut bytes)?, timestamp))
        };
        let records = (0..self.records)
            .map(|_| read())
            .collect::<std::io::Result<Vec<_>>>();
        records.map_err(|error| {
            let told = format!("the checkpoint holds other records in flight: {error}");
            SuppressRestarts::new(told).into()
        })
    }
}

/// Bytes that the records of a batch would take in flight: nothing is written to count them.
pub(super) fn encoded_bytes<T: Data>(batch: &Batch<T>) -> u64 {
    let bytes = batch.iter().map(|(record, timestamp)| {
        let bytes = borsh::object_length(&(timestamp, record));
        bytes.expect("counting does not fail") as u64
    });
    bytes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_in_flight_are_read_back_in_order() {
        let mut batch = Batch::default();
        batch.push("a".to_owned(), 7, None);
        batch.push("b".to_owned(), -1, None);
        let mut in_flight = InFlight::new(1, 2);
        in_flight.add(&batch);
        in_flight.add(&batch);
        let once = [("a".to_owned(), 7), ("b".to_owned(), -1)];
        assert_eq!(in_flight.read::<String>().unwrap(), [once.clone(), once].concat());
        assert!(in_flight.read::<(String, u64)>().is_err());
        assert_eq!(in_flight.bytes(), 2 * encoded_bytes(&batch));
    }
}
