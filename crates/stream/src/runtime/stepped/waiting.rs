//! Who waits in a stepped job, for whom, and whether anybody will say so when it is over.

use std::fmt::Write;

use everspan_checkpoint::SubtaskId;

use super::{Driven, SteppedJob};
use crate::exchange::Pressure;
use crate::runtime::subtask_driver::Turn;

impl SteppedJob {
    /// Whether a subtask waits for something to do, and has not been told of anything: a turn that it does all the same
    /// finds nothing. `false` also when it waits for room, and in the last millisecond of a wait: its end is rounded up.
    pub fn idles(&self, id: SubtaskId) -> bool {
        let now_ms = self.now_ms();
        let is_idle = |of: &Driven| match of.turn {
            Turn::Wait {
                is_back_pressured: false,
                until_ms,
            } => until_ms.is_none_or(|until_ms| now_ms + 1 < until_ms),
            _ => false,
        };
        let mut own = self.subtasks.iter().filter(|of| of.driver.id() == id);
        own.any(|of| is_idle(of) && !of.is_ready(now_ms))
    }

    /// A subtask that waits for ever, unless something else wakes it: it has orders of which it was not told, or waits
    /// for room in channels that do not know. For people.
    pub fn overlooked(&self) -> Option<String> {
        let pressure = self.pressure();
        let mut waiting = self.subtasks.iter().filter(|of| !of.driver.waker().is_woken());
        waiting.find_map(|of| {
            let is_back_pressured = match of.turn {
                Turn::Wait {
                    is_back_pressured, ..
                } => is_back_pressured,
                Turn::Again | Turn::Over => return None,
            };
            let waits_for = if of.driver.has_orders() {
                "its orders"
            } else if is_back_pressured && !is_known(of.driver.id(), &pressure) {
                "room"
            } else {
                return None;
            };
            let SubtaskId { task, index } = of.driver.id();
            Some(format!(
                "{task}.{index} waits for {waits_for}, and nobody will tell it"
            ))
        })
    }

    /// Who waits for whom, for people.
    pub fn picture(&self) -> String {
        let mut picture = String::new();
        let now = self.clock.now();
        writeln!(
            picture,
            "at {} ns: {} messages and {} pieces of work on their way, the job waits until {:?}",
            now.monotonic_ns,
            self.on_the_way.len(),
            self.works.len(),
            self.clock.awaited(),
        )
        .expect("text has room");
        for of in &self.subtasks {
            let (id, task) = (of.driver.id(), of.driver.task());
            let is_woken = of.driver.waker().is_woken();
            writeln!(
                picture,
                "  {}.{} {task}: {:?}, woken: {is_woken}",
                id.task, id.index, of.turn
            )
            .expect("text has room");
        }
        let filled = self.left.pressure().into_iter();
        for of in filled.filter(|of| of.level.messages > 0) {
            writeln!(picture, "  {of}").expect("text has room");
        }
        picture
    }
}

/// Whether a channel knows that this subtask waits for room in it.
fn is_known(id: SubtaskId, pressure: &[Pressure]) -> bool {
    let is_own = |of: &&Pressure| of.from == (id.task as usize, id.index as usize);
    let mut own = pressure.iter().filter(is_own);
    own.any(|of| of.level.sender_waits)
}
