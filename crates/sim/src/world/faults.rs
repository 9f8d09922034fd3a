//! What goes wrong, by chance, and what people ask for meanwhile.

use everspan_checkpoint::Kind;
use everspan_durable::record::{Body, Message};
use everspan_wal::sim_disk::Faults;

use super::World;
use crate::objects::Fate;

impl World {
    /// Somebody cancels or kills an invocation, or a part of the world fails.
    pub(super) fn fault(&mut self) {
        if self.chance(self.settings.ending) {
            let index = self.rng.below(self.clients.len());
            let id = self.clients[index].id;
            let message = if self.rng.one_in(2) {
                Message::Cancel(id)
            } else {
                Message::Kill(id)
            };
            self.note(|| format!("somebody asks: {message:?}"));
            self.post(&id, Body::Asked(message));
        }
        if self.chance(self.settings.checkpoint) {
            let kind = if self.rng.one_in(8) {
                Kind::Savepoint
            } else {
                Kind::Checkpoint
            };
            self.ask_for_checkpoint(kind);
        }
        self.disk_fault();
        self.checkpoint_fault();
        if self.chance(self.settings.stop) {
            self.stop();
        }
        if self.chance(self.settings.crash) {
            self.crash("the process dies");
        }
    }

    /// The process dies at the worst moments of a checkpoint.
    fn checkpoint_fault(&mut self) {
        if self.checkpoints.is_publishing() && self.chance(self.settings.dying_publish) {
            return self.crash("the process dies while a manifest is on its way");
        }
        let is_fresh = std::mem::take(&mut self.checkpoints.fresh);
        if is_fresh && self.chance(self.settings.losing_behind) && self.can_restore(true) {
            self.crash_without_disk("the disk is lost behind a checkpoint");
        }
    }

    /// No more faults: what was begun must end now.
    pub(super) fn calm(&mut self) {
        self.calm = true;
        self.note(|| "calm".to_owned());
        self.full_until_ms = None;
        self.append_after_ms = 0;
        self.disk.set_faults(Faults::default());
        self.checkpoints.objects.doom(Fate::Done);
    }

    fn disk_fault(&mut self) {
        if self.chance(self.settings.flush) {
            self.flush();
        }
        if self.chance(self.settings.failing_sync) {
            let after = self.rng.below(4) as u64;
            self.note(|| format!("a sync will fail after {after} calls"));
            self.disk.set_faults(Faults {
                fail_sync_at: Some(self.disk.calls() + after),
                ..Faults::default()
            });
        }
        if self.full_until_ms.is_none() && self.chance(self.settings.full_disk) {
            let files = self.disk.files();
            let used: u64 = files.values().map(|file| file.len() as u64).sum();
            let room = self.rng.below(3000) as u64;
            self.note(|| format!("the disk has room for {room} bytes"));
            self.disk.set_capacity(Some(used + room));
            self.full_until_ms = Some(self.outside.now_ms + 1 + self.rng.below(500) as u64);
        }
    }

    pub(super) fn space_returns(&mut self) {
        if self
            .full_until_ms
            .is_some_and(|until_ms| until_ms <= self.outside.now_ms)
        {
            self.full_until_ms = None;
            self.disk.set_capacity(None);
        }
    }
}
