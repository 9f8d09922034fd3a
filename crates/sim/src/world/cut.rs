//! A partition's part in a checkpoint: it lets messages wait, and is cut when all do.
//!
//! A message is received, or known to be received, only in records made before some partition held: so what one
//! partition's snapshot says of another is in that one's snapshot, too.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use everspan_durable::record::Body;
use everspan_state::Backend;

use super::work::{self, Work};
use super::{Event, Part, World};
use crate::rows::Rows;
use crate::settings::Mutation;

/// A partition that holds, or is about to.
#[derive(Default)]
pub(super) struct Hold {
    holds: bool,
    /// Messages and acknowledgements, in the order in which they came.
    inputs: VecDeque<Body>,
}

impl Part {
    pub(super) fn possible_for_checkpoint(&self, index: usize, all_hold: bool, events: &mut Vec<Event>) {
        let Some(hold) = &self.hold else { return };
        if !hold.holds {
            events.push(Event::Hold(index));
        } else if all_hold && self.partition.is_settled() && self.partition.applied() <= self.durable {
            events.push(Event::Cut(index));
        }
    }
}

impl World {
    /// A partition lets messages and acknowledgements wait from now on.
    pub(super) fn hold(&mut self, index: usize) {
        let hold = self.parts[index].hold.as_mut();
        hold.expect("only a partition that is asked to holds").holds = true;
        let all = self
            .parts
            .iter()
            .all(|part| part.hold.as_ref().is_some_and(|hold| hold.holds));
        let of = self.checkpoints.under_way.as_mut();
        of.expect("a partition holds for a checkpoint").all_hold = all;
    }

    /// A message or an acknowledgement waits for the cut; gives back anything else.
    pub(super) fn hold_back(&mut self, index: usize, body: Body) -> Option<Body> {
        let is_message = matches!(body, Body::Delivered { .. } | Body::Acknowledged { .. });
        let is_message = is_message && self.settings.mutation != Some(Mutation::HoldNothing);
        match &mut self.parts[index].hold {
            Some(hold) if hold.holds && is_message => {
                hold.inputs.push_back(body);
                None
            }
            _ => Some(body),
        }
    }

    /// Every partition holds, and the log has synced all of this one: its snapshot is taken.
    pub(super) fn cut(&mut self, index: usize) {
        self.release_all(index);
        self.pipeline.secure();
        self.feed_reference();
        let (position, digest) = self.reference.state(index);
        let state = self.parts[index].partition.machine().backend();
        let rows = Rows::of(state);
        assert_eq!(
            (rows.position, state.digest().expect("memory can be read")),
            (position, digest),
            "the state of partition {index} is what its log adds up to"
        );
        self.let_go(index);
        let of = &mut self.checkpoints;
        let checkpoint = of.under_way.as_ref().map(|of| of.checkpoint);
        let checkpoint = checkpoint.expect("a partition is cut for a checkpoint");
        of.cuts.cut(checkpoint, index, position, digest);
        of.copies.write(checkpoint, rows.files.values().cloned());
        let late = self.comes_late(&rows);
        let of = &mut self.checkpoints;
        if let Some((_, bytes)) = late.clone() {
            let work = work::put_late(Arc::clone(&of.objects), bytes);
            of.works.push(Work::new(None, work));
        }
        let label = late.map(|(label, _)| label);
        let work = work::put(Arc::clone(&of.store), checkpoint, index, rows, label);
        of.works.push(Work::new(Some(checkpoint), work));
    }

    /// By a mutation: a file that the manifest does not wait for.
    fn comes_late(&self, rows: &Rows) -> Option<(String, Bytes)> {
        let is_stored = |bytes: &Bytes| bytes.len() as u64 >= self.settings.inline_below;
        let mut files = rows.files.iter().filter(|(_, bytes)| is_stored(bytes));
        let last = files
            .next_back()
            .map(|(label, bytes)| (label.clone(), bytes.clone()));
        last.filter(|_| self.settings.mutation == Some(Mutation::PublishEarly))
    }

    /// What waited comes before all that has come since.
    pub(super) fn let_go(&mut self, index: usize) {
        let part = &mut self.parts[index];
        if let Some(hold) = part.hold.take() {
            for body in hold.inputs.into_iter().rev() {
                part.mailbox.push_front(body);
            }
        }
    }
}
