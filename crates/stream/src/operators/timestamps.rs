//! `assign_timestamps_and_watermarks`: gives records their time, and says how far time has come.
//!
//! Watermarks of the input end here, but for the last; so does the input's idleness.

use super::OperatorFactory;
use crate::api::watermark::{TimestampAssigner, WatermarkGenerator, WatermarkStrategy};
use crate::graph::{Operator, Setup};
use crate::stage::{Signal, Stage};
use crate::task::{END_WATERMARK, NO_WATERMARK, TaskContext};

/// See the module.
pub(crate) struct AssignTimestamps<G, A>(pub(crate) WatermarkStrategy<G, A>);

impl<T, G, A> OperatorFactory<T> for AssignTimestamps<G, A>
where
    T: 'static,
    G: WatermarkGenerator<T>,
    A: TimestampAssigner<T>,
{
    type Out = T;
    type Stage<N: Stage<T> + 'static> = TimestampsStage<G, A, N>;

    fn make<N: Stage<T> + 'static>(
        &self,
        next: N,
        _: &Operator,
        setup: &mut Setup<'_>,
    ) -> TimestampsStage<G, A, N> {
        TimestampsStage {
            strategy: self.0.clone(),
            interval_ms: setup.auto_watermark_interval_ms(),
            emitted: NO_WATERMARK,
            idleness: Idleness::Live { until: None },
            has_records: false,
            next,
        }
    }
}

/// See [`AssignTimestamps`].
pub(crate) struct TimestampsStage<G, A, N> {
    strategy: WatermarkStrategy<G, A>,
    /// 0: never asked.
    interval_ms: i64,
    /// The last watermark that left.
    emitted: i64,
    idleness: Idleness,
    /// Whether records came since idleness was last looked at.
    has_records: bool,
    next: N,
}

/// Whether others wait for this subtask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idleness {
    /// They do, until this processing time unless a record comes.
    Live { until: Option<i64> },
    /// They do not.
    Idle,
}

impl<T, G, A, N> Stage<T> for TimestampsStage<G, A, N>
where
    G: WatermarkGenerator<T>,
    A: TimestampAssigner<T>,
    N: Stage<T>,
{
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        let timestamp = self.strategy.assigner.extract_timestamp(&record, task.timestamp);
        task.timestamp = timestamp;
        self.has_records = true;
        if self.idleness == Idleness::Idle {
            self.live_again(task);
        }
        let watermark = self.strategy.generator.on_event(&record, timestamp);
        self.next.record(record, task);
        if let Some(watermark) = watermark {
            self.emit(watermark, task);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        match signal {
            Signal::Watermark(END_WATERMARK) => self.emit(END_WATERMARK, task),
            Signal::Watermark(_) | Signal::Idle(_) => {}
            Signal::Open => {
                self.next.signal(signal, task);
                self.look_again(task);
            }
            Signal::Time(now) => {
                let now = *now;
                if let Some(watermark) = self.strategy.generator.on_periodic_emit() {
                    self.emit(watermark, task);
                }
                self.look_at_idleness(now, task);
                self.next.signal(signal, task);
                self.look_again(task);
            }
            _ => self.next.signal(signal, task),
        }
    }
}

impl<G, A, N> TimestampsStage<G, A, N> {
    /// Watermarks never go back.
    fn emit<T>(&mut self, watermark: i64, task: &mut TaskContext)
    where
        N: Stage<T>,
    {
        if watermark > self.emitted {
            self.emitted = watermark;
            if self.idleness == Idleness::Idle {
                self.live_again(task);
            }
            self.next.signal(&mut Signal::Watermark(watermark), task);
        }
    }

    fn look_at_idleness<T>(&mut self, now: i64, task: &mut TaskContext)
    where
        N: Stage<T>,
    {
        let Some(after) = self.strategy.idle_after_ms else {
            return;
        };
        let Idleness::Live { until } = self.idleness else {
            return;
        };
        if std::mem::take(&mut self.has_records) || until.is_none() {
            let until = Some(now.saturating_add(after));
            self.idleness = Idleness::Live { until };
        } else if until.is_some_and(|until| until <= now) {
            self.idleness = Idleness::Idle;
            self.next.signal(&mut Signal::Idle(true), task);
        }
    }

    fn live_again<T>(&mut self, task: &mut TaskContext)
    where
        N: Stage<T>,
    {
        self.idleness = Idleness::Live { until: None };
        self.next.signal(&mut Signal::Idle(false), task);
        self.look_again(task);
    }

    /// Asks for the next look at the generator and at idleness.
    fn look_again(&mut self, task: &mut TaskContext) {
        let now = task.now_ms();
        if self.interval_ms > 0 {
            task.wake_at(now.saturating_add(self.interval_ms));
        }
        let Some(after) = self.strategy.idle_after_ms else {
            return;
        };
        match &mut self.idleness {
            Idleness::Idle => {}
            Idleness::Live { until } => {
                task.wake_at(*until.get_or_insert(now.saturating_add(after)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
