//! Which inputs have delivered the barrier of a checkpoint, and which of them have to wait for the others.
//!
//! ```text
//!  input 0  ── a b │ c            aligned: c waits until input 1 has delivered the barrier, too
//!  input 1  ── d e f g │          at least once: c is processed before the snapshot is taken
//! ```

use std::collections::BTreeMap;

use super::snapshot::{Barrier, BarrierMode};

/// The barriers of one gate. Pure: told what came, says what is to be done.
#[derive(Debug, Default)]
pub(crate) struct Alignment {
    pending: BTreeMap<u64, Pending>,
    /// Checkpoints up to this one are over here.
    over: u64,
}

/// A checkpoint of which some barriers have come.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) barrier: Barrier,
    /// When the first barrier came, monotonic.
    pub(crate) first_ns: u64,
    /// Bytes of records that were processed since.
    pub(crate) processed_bytes: u64,
    seen: Vec<bool>,
}

impl Alignment {
    /// Input `input` of `inputs` has delivered a barrier. Returns the checkpoint when that was the last one.
    pub(crate) fn arrived(
        &mut self,
        (input, inputs): (usize, usize),
        barrier: &Barrier,
        now_ns: u64,
    ) -> Option<Pending> {
        let checkpoint = barrier.checkpoint;
        if checkpoint <= self.over {
            return None;
        }
        let pending = self.pending.entry(checkpoint).or_insert_with(|| Pending {
            barrier: barrier.clone(),
            first_ns: now_ns,
            processed_bytes: 0,
            seen: vec![false; inputs],
        });
        assert!(!pending.seen[input], "a barrier comes once from each input");
        pending.seen[input] = true;
        if pending.seen.iter().any(|seen| !seen) {
            return None;
        }
        let complete = self.pending.remove(&checkpoint);
        self.end_up_to(checkpoint);
        complete
    }

    /// Whether some barriers of a checkpoint have come and others have not.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Records of so many bytes were processed.
    pub(crate) fn processed(&mut self, bytes: u64) {
        for pending in self.pending.values_mut() {
            pending.processed_bytes += bytes;
        }
    }

    /// Whether the barriers of a checkpoint mean nothing any more.
    pub(crate) fn is_over(&self, checkpoint: u64) -> bool {
        checkpoint <= self.over
    }

    /// Whether an input has delivered the barrier of a checkpoint.
    pub(crate) fn has_seen(&self, checkpoint: u64, input: usize) -> bool {
        self.is_over(checkpoint)
            || self
                .pending
                .get(&checkpoint)
                .is_some_and(|pending| pending.seen[input])
    }

    /// A barrier of this checkpoint has overtaken data: no input waits for the others any more.
    pub(crate) fn unblock(&mut self, checkpoint: u64) {
        if let Some(pending) = self.pending.get_mut(&checkpoint) {
            pending.barrier.mode = BarrierMode::Unaligned;
        }
    }

    /// A checkpoint whose barriers overtake from now on, with the time of its first barrier; told once.
    pub(crate) fn take_late(&mut self, now_ns: u64) -> Option<(Barrier, u64)> {
        let is_late = |pending: &&mut Pending| matches!(pending.barrier.mode, BarrierMode::AlignedUntil(until_ns) if now_ns >= until_ns);
        let late = self.pending.values_mut().find(is_late)?;
        late.barrier.mode = BarrierMode::Unaligned;
        Some((late.barrier.clone(), late.first_ns))
    }

    /// Whether an input must not be read now.
    pub(crate) fn blocks(&self, input: usize) -> bool {
        let mut aligned = self.pending.values().filter(|pending| {
            matches!(
                pending.barrier.mode,
                BarrierMode::Aligned | BarrierMode::AlignedUntil(_)
            )
        });
        aligned.any(|pending| pending.seen[input])
    }

    /// A checkpoint was given up: nobody waits for it any more, and older ones are over, too.
    pub(crate) fn abort(&mut self, checkpoint: u64) {
        self.pending.remove(&checkpoint);
        if self
            .pending
            .first_key_value()
            .is_none_or(|(&first, _)| first > checkpoint)
        {
            self.over = self.over.max(checkpoint);
        }
    }

    /// Barriers of older checkpoints that come still mean nothing.
    fn end_up_to(&mut self, checkpoint: u64) {
        self.over = checkpoint;
        self.pending = self.pending.split_off(&(checkpoint + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn barrier(checkpoint: u64, mode: BarrierMode) -> Barrier {
        Barrier {
            checkpoint,
            mode,
            triggered_ns: 0,
            terminates: false,
        }
    }

    #[test]
    fn an_aligned_input_waits_until_every_other_has_delivered_the_barrier() {
        let mut alignment = Alignment::default();
        let first = barrier(1, BarrierMode::Aligned);
        assert!(alignment.arrived((0, 3), &first, 10).is_none());
        assert!(alignment.arrived((2, 3), &first, 20).is_none());
        let blocked: Vec<bool> = (0..3).map(|input| alignment.blocks(input)).collect();
        assert_eq!(blocked, [true, false, true]);
        let complete = alignment.arrived((1, 3), &first, 30).expect("all have come");
        assert_eq!((complete.barrier.checkpoint, complete.first_ns), (1, 10));
        assert!((0..3).all(|input| !alignment.blocks(input)));
    }

    #[test]
    fn what_is_processed_between_the_first_barrier_and_the_last_is_counted_for_its_checkpoint() {
        let mut alignment = Alignment::default();
        let barrier = |checkpoint| barrier(checkpoint, BarrierMode::AtLeastOnce);
        assert!(!alignment.is_under_way());
        alignment.processed(1);
        assert!(alignment.arrived((0, 2), &barrier(1), 0).is_none());
        assert!(alignment.is_under_way());
        alignment.processed(10);
        assert!(alignment.arrived((0, 2), &barrier(2), 0).is_none());
        alignment.processed(100);
        let first = alignment.arrived((1, 2), &barrier(1), 0).expect("all have come");
        alignment.processed(1000);
        let second = alignment.arrived((1, 2), &barrier(2), 0).expect("all have come");
        assert_eq!((first.processed_bytes, second.processed_bytes), (110, 1100));
        assert!(!alignment.is_under_way());
    }

    #[test]
    fn at_least_once_no_input_waits() {
        let mut alignment = Alignment::default();
        for checkpoint in [1, 2] {
            let barrier = barrier(checkpoint, BarrierMode::AtLeastOnce);
            assert!(alignment.arrived((0, 2), &barrier, 0).is_none());
            assert!(!alignment.blocks(0));
        }
        let first = barrier(1, BarrierMode::AtLeastOnce);
        assert!(alignment.arrived((1, 2), &first, 0).is_some());
        let second = barrier(2, BarrierMode::AtLeastOnce);
        assert!(alignment.arrived((1, 2), &second, 0).is_some());
    }

    #[test]
    fn what_comes_of_a_checkpoint_that_was_given_up_blocks_nobody() {
        let mut alignment = Alignment::default();
        let first = barrier(1, BarrierMode::Aligned);
        assert!(alignment.arrived((0, 2), &first, 0).is_none());
        alignment.abort(1);
        assert!(!alignment.blocks(0));
        assert!(alignment.arrived((1, 2), &first, 0).is_none());
        assert!(!alignment.blocks(1));
        let second = barrier(2, BarrierMode::Aligned);
        assert!(alignment.arrived((0, 2), &second, 0).is_none());
        assert!(alignment.arrived((1, 2), &second, 0).is_some());
    }
}
