//! The state of a checkpoint, by operator, as a new run takes it over.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_state::FetchedPart;

use crate::task::snapshot::StateType;

/// What a checkpoint says of one operator of one subtask beside its tables; an attachment of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct OperatorRecord {
    /// See [`OperatorState::list`](crate::task::snapshot::OperatorState::list).
    pub(crate) list: Vec<Vec<u8>>,
    /// What the tables hold.
    pub(crate) states: Vec<StateType>,
}

/// The first byte of an encoded record.
const RECORD_VERSION: u8 = 1;

impl OperatorRecord {
    /// As it stands in a manifest: a version, then Borsh.
    pub(crate) fn encode(&self) -> Vec<u8> {
        borsh::to_vec(&(RECORD_VERSION, self)).expect("writing to memory does not fail")
    }

    /// What [`encode`](Self::encode) has written.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            Some((&RECORD_VERSION, record)) => {
                Self::try_from_slice(record).map_err(|error| error.to_string())
            }
            Some((version, _)) => Err(format!(
                "it has version {version}, this program reads version {RECORD_VERSION}"
            )),
            None => Err("it is empty".to_owned()),
        }
    }

    fn listed_bytes(&self) -> u64 {
        self.list.iter().map(|element| element.len() as u64).sum()
    }
}

/// All state that a run begins with.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    pub(crate) operators: BTreeMap<String, RestoredOperator>,
    /// Whether state that nobody takes is dropped instead of refused.
    pub(crate) drops_unclaimed: bool,
}

/// The state of one operator.
#[derive(Debug, Default)]
pub(crate) struct RestoredOperator {
    /// What each subtask wrote, in their order.
    pub(crate) records: Vec<OperatorRecord>,
    /// The files of its tables, for each subtask of the new run.
    pub(crate) tables: Vec<Vec<FetchedPart>>,
}

/// What one subtask of an operator begins with.
#[derive(Clone, Debug)]
pub struct OwnState {
    /// Its elements of the list.
    pub(crate) list: Vec<Vec<u8>>,
    pub(crate) states: Vec<StateType>,
    pub(crate) tables: Vec<FetchedPart>,
    pub(crate) drops_unclaimed: bool,
}

impl Restored {
    /// Bytes of all state that lies in no table.
    pub(crate) fn listed_bytes(&self) -> u64 {
        let records = self.operators.values().flat_map(|of| &of.records);
        records.map(OperatorRecord::listed_bytes).sum()
    }

    /// The share of a subtask; `None` when the checkpoint knows nothing of the operator.
    pub(crate) fn share(&self, uid: &str, subtask: usize, parallelism: usize) -> Option<OwnState> {
        let operator = self.operators.get(uid)?;
        let states = operator.records.first().map(|record| record.states.clone());
        Some(OwnState {
            list: operator.list(subtask, parallelism),
            states: states.unwrap_or_default(),
            tables: operator.tables.get(subtask).cloned().unwrap_or_default(),
            drops_unclaimed: self.drops_unclaimed,
        })
    }
}

/// The uid under which a checkpoint holds the data in flight of a task that begins with the operator `head`.
pub(crate) fn in_flight_uid(head: &str) -> String {
    format!("{head}{IN_FLIGHT}")
}

const IN_FLIGHT: &str = "/in-flight";

impl Restored {
    /// Data in flight of all subtasks of a task, in their order.
    pub(crate) fn in_flight(&self, head: &str) -> Vec<Vec<u8>> {
        let operator = self.operators.get(&in_flight_uid(head));
        let records = operator.into_iter().flat_map(|operator| &operator.records);
        records.flat_map(|record| record.list.clone()).collect()
    }
}

/// The operator whose state stands under `uid`: for data in flight, that which takes it.
pub(crate) fn claimant(uid: &str) -> &str {
    uid.strip_suffix(IN_FLIGHT).unwrap_or(uid)
}

/// Whether data in flight stands under `uid`.
pub(crate) fn is_in_flight(uid: &str) -> bool {
    uid.ends_with(IN_FLIGHT)
}

impl RestoredOperator {
    /// Bytes of the elements that a subtask [has](Self::list).
    pub(crate) fn listed_bytes(&self, subtask: usize, parallelism: usize) -> u64 {
        let own = self.list(subtask, parallelism);
        own.iter().map(|element| element.len() as u64).sum()
    }

    /// Bytes of the elements that a subtask reads when each looks for its own records in them: with another number of
    /// subtasks, all.
    pub(crate) fn read_bytes(&self, subtask: usize, parallelism: usize) -> u64 {
        if self.records.len() == parallelism {
            self.records[subtask].listed_bytes()
        } else {
            self.records.iter().map(OperatorRecord::listed_bytes).sum()
        }
    }

    /// Each has its own again, or, with another number of subtasks, all elements in turn.
    fn list(&self, subtask: usize, parallelism: usize) -> Vec<Vec<u8>> {
        if self.records.len() == parallelism {
            return self.records[subtask].list.clone();
        }
        let elements = self.records.iter().flat_map(|record| &record.list);
        elements.skip(subtask).step_by(parallelism).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_record_are_a_format() {
        let record = OperatorRecord {
            list: vec![vec![7, 8]],
            states: vec![StateType {
                name: "n".to_owned(),
                key_type: "k".to_owned(),
                type_name: "t".to_owned(),
                version: 3,
            }],
        };
        let bytes = [
            1, // version
            1, 0, 0, 0, 2, 0, 0, 0, 7, 8, // one element of two bytes
            1, 0, 0, 0, // one state
            1, 0, 0, 0, b'n', 1, 0, 0, 0, b'k', 1, 0, 0, 0, b't', 3, 0, 0, 0,
        ];
        assert_eq!(record.encode(), bytes);
        assert_eq!(OperatorRecord::decode(&bytes), Ok(record));
        let newer = [&[2], &bytes[1..]].concat();
        let refused = "it has version 2, this program reads version 1";
        assert_eq!(OperatorRecord::decode(&newer), Err(refused.to_owned()));
        for damaged in [&bytes[..0], &bytes[..5], &bytes[..bytes.len() - 1]] {
            assert!(OperatorRecord::decode(damaged).is_err());
        }
    }

    #[test]
    fn every_element_of_a_list_has_one_owner_whatever_the_parallelism() {
        let record = |elements: &[u8]| OperatorRecord {
            list: elements.iter().map(|&element| vec![element]).collect(),
            states: Vec::new(),
        };
        let operator = RestoredOperator {
            records: vec![record(&[1, 2, 3]), record(&[]), record(&[4])],
            tables: Vec::new(),
        };
        assert_eq!(operator.list(0, 3), [[1], [2], [3]]);
        for parallelism in 1..6 {
            let mut all: Vec<u8> = (0..parallelism)
                .flat_map(|subtask| operator.list(subtask, parallelism).concat())
                .collect();
            all.sort_unstable();
            assert_eq!(all, [1, 2, 3, 4], "{parallelism}");
        }
    }
}
