//! The world's servers: they die, stop in order, and come up again.

use everspan_durable::effect::Effect;
use everspan_durable::machine::Options;
use everspan_durable::partition::Partition;
use everspan_durable::record::Body;
use everspan_state::{Backend, MemoryBackend};

use super::World;

impl World {
    /// The process stops in order and comes up again.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.crash();
    }

    /// The process stops in order, and is gone.
    pub(crate) fn stop(&mut self) {
        self.talks.clear();
        for index in 0..self.partitions.len() {
            self.queue.push_back((index, Body::Stopped));
        }
        self.settle();
        self.flush();
    }

    /// The process dies and comes up again; what clients asked and nobody stored they ask again.
    pub(crate) fn crash(&mut self) {
        self.talks.clear();
        let asked_again = std::mem::take(&mut self.queue);
        let keep = |body: &Body| matches!(body, Body::Submit(_) | Body::Asked(_));
        self.queue = asked_again.into_iter().filter(|(_, body)| keep(body)).collect();
        let state = |partition: &Partition<MemoryBackend>| {
            let mut state = partition.machine().backend().clone();
            state.crash();
            state
        };
        let states = self.partitions.iter().map(state).collect();
        self.open(states);
    }

    pub(super) fn open(&mut self, states: Vec<MemoryBackend>) {
        self.partitions.clear();
        for (index, state) in states.into_iter().enumerate() {
            let options = Options {
                partition: u16::try_from(index).expect("few partitions"),
                ..self.options.clone()
            };
            let mut partition = Partition::open(state, options).expect("readable state");
            let mut told = Vec::new();
            for (seq, payload) in (1..).zip(&self.logs[index]) {
                told.extend(partition.replay(seq, payload).expect("our own record"));
            }
            for effect in told {
                assert!(
                    matches!(effect, Effect::Spans(_)),
                    "a replay has no effects but spans"
                );
                self.carry_out(index, effect);
            }
            assert!(partition.release().is_none(), "a replay holds no effects");
            self.partitions.push(partition);
            let attempts_max = self.attempts_max;
            self.queue.push_front((index, Body::Started { attempts_max }));
        }
        self.settle();
    }

    pub(crate) fn flush(&mut self) {
        for partition in &mut self.partitions {
            partition.backend_mut().flush().expect("memory");
        }
    }
}
