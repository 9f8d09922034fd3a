//! The end of every workload: a sink that counts records and adds up what they are, so that two systems' results can be
//! compared whatever their order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use everspan_stream::{Result, RuntimeContext, Sink, SinkWriter};

use crate::generators::mix;

/// A record as up to four numbers.
pub(crate) type Fields = [u64; 4];

/// What all subtasks of the sink have seen.
#[derive(Clone, Default)]
pub(crate) struct Checksum {
    total: Arc<Mutex<Total>>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Total {
    pub(crate) outputs: u64,
    pub(crate) checksum: u64,
    pub(crate) first_record_ns: Option<u64>,
}

impl Checksum {
    pub(crate) fn total(&self) -> Total {
        *self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink<Fields> for Checksum {
    type Writer = Writer;

    fn writer(&self, _context: &RuntimeContext) -> Result<Writer> {
        Ok(Writer {
            own: Total::default(),
            all: self.total.clone(),
        })
    }
}

pub(crate) struct Writer {
    own: Total,
    all: Arc<Mutex<Total>>,
}

impl SinkWriter<Fields> for Writer {
    type Committable = ();

    #[inline(always)]
    fn write(&mut self, [a, b, c, d]: Fields, _timestamp: Option<i64>) -> Result {
        if self.own.outputs == 0 {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            self.own.first_record_ns = Some(u64::try_from(now.as_nanos())?);
        }
        self.own.outputs += 1;
        let sum = a
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(b.wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
            .wrapping_add(c.wrapping_mul(0x1656_67B1_9E37_79F9))
            .wrapping_add(d.wrapping_mul(0x27D4_EB2F_1656_67C5));
        self.own.checksum = self.own.checksum.wrapping_add(mix(sum));
        Ok(())
    }

    fn close(&mut self) -> Result {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.outputs += self.own.outputs;
        all.checksum = all.checksum.wrapping_add(self.own.checksum);
        all.first_record_ns = [all.first_record_ns, self.own.first_record_ns]
            .into_iter()
            .flatten()
            .min();
        Ok(())
    }
}
