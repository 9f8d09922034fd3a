//! Which spans there must be: what a partition makes of the log that never dies.

use std::collections::BTreeMap;

use everspan_durable::effect::Effect;
use everspan_durable::partition::Partition;
use everspan_state::{Backend, MemoryBackend};

use super::World;
use crate::pipeline::{SpanKey, fingerprint};
use crate::settings::Settings;

/// Partitions that are told each durable record once, and the spans they made.
pub(super) struct Reference {
    partitions: Vec<Partition<MemoryBackend>>,
    expected: BTreeMap<SpanKey, (u64, String)>,
}

impl Reference {
    /// Partitions that begin with these states.
    pub(super) fn new(settings: &Settings, states: Vec<MemoryBackend>) -> Self {
        let open = |(number, state)| {
            let options = super::server::machine_options(settings, number, 0);
            Partition::open(state, options).expect("memory can be read")
        };
        Self {
            partitions: (0..).zip(states).map(open).collect(),
            expected: BTreeMap::new(),
        }
    }

    /// Position and digest of what the log adds up to, as far as it was told.
    pub(super) fn state(&self, index: usize) -> (u64, u128) {
        let state = self.partitions[index].machine().backend();
        (state.applied(), state.digest().expect("memory can be read"))
    }

    pub(super) fn expected(&self) -> &BTreeMap<SpanKey, (u64, String)> {
        &self.expected
    }
}

impl World {
    /// Tells the reference what the log has beyond what it knows, up to what is durable.
    pub(super) fn feed_reference(&mut self) {
        let durable: Vec<u64> = self.parts.iter().map(|part| part.durable).collect();
        let reference = &mut self.reference;
        let known: Vec<u64> = reference.partitions.iter().map(Partition::applied).collect();
        let fed = self.log.replay(
            |partition| known[usize::from(partition)],
            |record| {
                let index = usize::from(record.partition);
                if record.seq > durable[index] {
                    return Ok(());
                }
                let effects = reference.partitions[index].replay(record.seq, record.payload)?;
                for effect in effects {
                    let Effect::Spans(spans) = effect else { continue };
                    for span in spans.decode() {
                        let (key, hash) = fingerprint(&span);
                        let before = reference.expected.insert(key, (hash, span.name.to_string()));
                        assert!(before.is_none(), "{} has its id for itself", span.name);
                    }
                }
                Ok::<(), everspan_durable::partition::PartitionError>(())
            },
        );
        fed.expect("our own records can be replayed");
    }
}
