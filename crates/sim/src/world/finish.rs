//! When all is calm and at rest: everything promised was kept, and nothing is left behind.

use std::collections::BTreeMap;

use everspan_checkpoint::Kind;
use everspan_durable::record::{Body, Outcome};
use everspan_durable::view::ResultView;
use everspan_protocol::ids::InvocationId;
use everspan_state::Backend;
use everspan_state::store::Manifest;
use xxhash_rust::xxh3::xxh3_128;

use super::World;
use crate::client::Client;
use crate::cuts::{Cuts, manifests};
use crate::program::{KEYS, Program, Step};
use crate::run::Report;
use crate::settings::RETENTION_MS;

/// Tables that hold nothing once everything has ended and is forgotten.
const EMPTY_AT_THE_END: &[u8] = b"IDJCSKQTXOPF";

impl World {
    pub(super) fn finish(&mut self) -> Report {
        self.journals();
        self.all_have_ended();
        self.counters_count();
        let invocations = self.forget_all();
        self.all_spans_arrived();
        Report {
            steps: self.step,
            crashes: self.crashes,
            invocations,
            side_effects: self.outside.side_effects,
            checkpoints: self.checkpoints.completed,
            restores: self.checkpoints.restored,
            passed_over: self.checkpoints.passed_over,
            trace: self.trace.digest(),
            state: self.digest(),
        }
    }

    /// Another start finds nothing that is not needed, and makes one more checkpoint, which retention knows.
    pub(super) fn last_checkpoint(&mut self) {
        if !self.settings.has_checkpoints() {
            return;
        }
        self.crash("the last start");
        self.rest();
        let completed = self.checkpoints.completed;
        self.ask_for_checkpoint(Kind::Checkpoint);
        self.rest();
        let (of, objects) = (&self.checkpoints, &self.checkpoints.objects);
        assert_eq!(
            of.completed,
            completed + 1,
            "a checkpoint without faults completes"
        );
        let stored = manifests(&objects.contents());
        let is_kept =
            |manifest: &&Manifest| !manifest.is_savepoint && !of.abandoned.contains(&manifest.checkpoint);
        let stored = stored.iter().filter(is_kept).count();
        assert_eq!(stored, of.retained(), "the store has what retention keeps");
        assert!(stored <= self.settings.retained, "{stored} checkpoints are kept");
        of.cuts.all_whole(objects);
        Cuts::no_orphans(objects);
        self.all_ends_told();
    }

    /// Every span of every durable record reached the collector, and none too often.
    fn all_spans_arrived(&mut self) {
        self.feed_reference();
        self.pipeline.drain();
        self.pipeline.collector().check(self.reference.expected());
    }

    fn all_have_ended(&self) {
        for part in &self.parts {
            for view in part
                .partition
                .machine()
                .list(usize::MAX)
                .expect("memory can be read")
            {
                assert_eq!(
                    view.status, "completed",
                    "{} on {}, awaiting {:?}",
                    view.id, view.target, view.awaiting
                );
            }
            let (under_way, waiting) = part.partition.machine().attempts();
            assert_eq!((under_way, waiting), (0, 0), "attempts at the end");
        }
        for (id, told) in self.checker.promised() {
            let part = &self.parts[self.partition_of(id)];
            let result = part.partition.machine().result(id).expect("memory can be read");
            let ResultView::Ended(stored, _) = result else {
                panic!("{id} was accepted and is {result:?}");
            };
            assert!(
                told.is_none_or(|told| told == &stored),
                "the stored outcome of {id} is the one told"
            );
        }
        for client in &self.clients {
            let waits = client.state == crate::client::ClientState::Waits;
            assert!(!waits, "the client of {} waits for ever", client.id);
            let is_known = client.idempotency_key.is_none() || self.checker.ended(&client.id);
            assert!(is_known || client.state == crate::client::ClientState::Done);
        }
    }

    /// Every stored write of a counter counted, and nothing else did.
    fn counters_count(&mut self) {
        let mut expected: BTreeMap<String, usize> = BTreeMap::new();
        for part in &self.parts {
            let machine = part.partition.machine();
            for view in machine.list(usize::MAX).expect("memory can be read") {
                let journal = machine.journal(&view.id).expect("memory can be read");
                let writes = journal.iter().filter(|entry| entry.kind == "Command: SetState");
                *expected.entry(view.target.key.unwrap_or_default()).or_default() += writes.count();
            }
        }
        for key in 0..KEYS {
            let count = self.look(key);
            let writes = expected
                .get(&crate::program::object_key(key))
                .copied()
                .unwrap_or(0);
            assert_eq!(count, format!("{writes};"), "the counter of key {key}");
        }
    }

    fn look(&mut self, key: u8) -> String {
        let program = Program::of(Step::Look);
        let name = format!("{} look {key}", self.seed);
        let client = Client::on_object(key, program, &name, self.outside.now_ms);
        let id: InvocationId = client.id;
        self.clients.push(client);
        self.rest();
        let part = &self.parts[self.partition_of(&id)];
        match part.partition.machine().result(&id).expect("memory can be read") {
            ResultView::Ended(Outcome::Success(value), _) => String::from_utf8_lossy(&value).into_owned(),
            other => panic!("a look at key {key} gave {other:?}"),
        }
    }

    /// Retentions end; returns how many invocations there were.
    fn forget_all(&mut self) -> u64 {
        let now_ms = self.outside.now_ms + 2 * RETENTION_MS;
        self.outside.now_ms = now_ms;
        let mut invocations = 0;
        for index in 0..self.parts.len() {
            let machine = self.parts[index].partition.machine();
            let expiries = machine
                .due_expiries(0, now_ms, usize::MAX)
                .expect("memory can be read");
            invocations += expiries.len() as u64;
            self.parts[index].mailbox.push_back(Body::Expired(expiries));
        }
        self.rest();
        for part in &self.parts {
            for &table in EMPTY_AT_THE_END {
                let rows = part.partition.machine().backend().scan(&[table], None, 1);
                let rows = rows.expect("memory can be read");
                assert!(
                    rows.is_empty(),
                    "table {} is empty at the end: {rows:?}",
                    char::from(table)
                );
            }
        }
        invocations
    }

    fn digest(&self) -> u128 {
        let digest = |part: &super::Part| {
            part.partition
                .machine()
                .backend()
                .digest()
                .expect("memory can be read")
        };
        let digests: Vec<u8> = self
            .parts
            .iter()
            .flat_map(|part| digest(part).to_le_bytes())
            .collect();
        xxh3_128(&digests)
    }
}
