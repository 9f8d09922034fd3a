//! The keyed state of a partition as typed tables: one prefix byte a table, values in Borsh.
//!
//! | prefix | key | value |
//! |---|---|---|
//! | `I` | invocation id | [`Invocation`] under way |
//! | `D` | invocation id | [`Completed`] |
//! | `J` | invocation id, index u32 | [`JournalEntry`] |
//! | `C` | invocation id, completion id u32 | journal index of its notification |
//! | `S` | invocation id, signal name | journal index of the newest such signal |
//! | `K` | service, key | [`Lock`] of an object key |
//! | `Q` | service, key, place u64 | invocation id that waits |
//! | `V` | service, key, state key | state value, raw |
//! | `T` | due ms u64, timer | nothing |
//! | `X` | due ms u64, expiry | nothing |
//! | `O` | partition u16, number u64 | [`Message`] not yet acknowledged |
//! | `N` | partition u16 | last number given to a message for it |
//! | `E` | partition u16 | last number received from it |
//! | `P` | service, key, promise | [`Promise`] |
//! | `A` | – | attempts at a time, u32 |
//! | `F` | invocation id, 0 u32 | [`KeptRequest`] that made it, until its end decides whether its spans are told |
//! | `F` | invocation id, attempt u32 | [`EndedAttempt`], likewise |
//!
//! Integers in keys are big-endian, so that key order is number order; names in keys carry their length in front.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use crate::invocation::{Completed, Invocation, JournalEntry};
use crate::machine::{EndedAttempt, KeptRequest};
use crate::record::{Expiry, Message, Outcome, SignalName, Timer, Waiter};
use crate::target::Target;

/// The lock of an object key and the queue behind it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Lock {
    /// Who holds it.
    pub(crate) holder: InvocationId,
    /// Place of the first that may wait.
    pub(crate) head: u64,
    /// Place after the last.
    pub(crate) tail: u64,
}

/// A promise of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Promise {
    /// Not completed; these wait.
    Awaited(Vec<Waiter>),
    /// Completed.
    Completed(Outcome),
}

/// Typed access to the state of one partition.
pub(crate) struct Tables<B> {
    pub(crate) backend: B,
    /// Whose journal entry was written last, which, and its index: most often it is the next to be read.
    newest_entry: Option<(InvocationId, u32, JournalEntry)>,
}

fn id_key(table: u8, id: &InvocationId, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(25 + rest.len());
    key.push(table);
    key.extend_from_slice(id.as_bytes());
    key.extend_from_slice(rest);
    key
}

fn keyed(table: u8, target: &Target, rest: &[u8]) -> Vec<u8> {
    let object_key = target.key.as_deref().unwrap_or_default();
    let mut key = Vec::with_capacity(9 + target.service.len() + object_key.len() + rest.len());
    key.push(table);
    for part in [target.service.as_str(), object_key] {
        let len = u16::try_from(part.len()).expect("names in state keys are limited at the edge");
        key.extend_from_slice(&len.to_be_bytes());
        key.extend_from_slice(part.as_bytes());
    }
    key.extend_from_slice(rest);
    key
}

fn due_key(table: u8, at_ms: u64, item: &impl BorshSerialize) -> Vec<u8> {
    let mut key = vec![table];
    key.extend_from_slice(&at_ms.to_be_bytes());
    item.serialize(&mut key).expect("writing to memory cannot fail");
    key
}

fn partition_key(table: u8, partition: u16, rest: &[u8]) -> Vec<u8> {
    let mut key = vec![table];
    key.extend_from_slice(&partition.to_be_bytes());
    key.extend_from_slice(rest);
    key
}

fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory cannot fail")
}

fn decode<T: BorshDeserialize>(bytes: &[u8]) -> T {
    T::try_from_slice(bytes)
        .expect("the state holds what this version wrote, its format is checked on opening")
}

impl<B: Backend> Tables<B> {
    pub(crate) fn new(backend: B) -> Self {
        Self {
            backend,
            newest_entry: None,
        }
    }

    fn read<T: BorshDeserialize>(&self, key: &[u8]) -> Result<Option<T>, StateError> {
        Ok(self.backend.get(key)?.map(|bytes| decode(&bytes)))
    }

    fn write(&mut self, key: &[u8], value: &impl BorshSerialize) {
        self.backend.put(key, &encode(value));
    }

    // --- invocations ---

    pub(crate) fn invocation(&self, id: &InvocationId) -> Result<Option<Invocation>, StateError> {
        self.read(&id_key(b'I', id, &[]))
    }

    pub(crate) fn put_invocation(&mut self, id: &InvocationId, invocation: &Invocation) {
        self.write(&id_key(b'I', id, &[]), invocation);
    }

    pub(crate) fn delete_invocation(&mut self, id: &InvocationId) {
        self.backend.delete(&id_key(b'I', id, &[]));
    }

    /// Invocations under way with an id after `after`, at most `limit`.
    pub(crate) fn invocations(
        &self,
        after: Option<&InvocationId>,
        limit: usize,
    ) -> Result<Vec<(InvocationId, Invocation)>, StateError> {
        self.scan_ids(b'I', after, limit)
    }

    pub(crate) fn completed(&self, id: &InvocationId) -> Result<Option<Completed>, StateError> {
        self.read(&id_key(b'D', id, &[]))
    }

    pub(crate) fn put_completed(&mut self, id: &InvocationId, completed: &Completed) {
        self.write(&id_key(b'D', id, &[]), completed);
    }

    pub(crate) fn delete_completed(&mut self, id: &InvocationId) {
        self.backend.delete(&id_key(b'D', id, &[]));
    }

    /// Ended invocations with an id after `after`, at most `limit`.
    pub(crate) fn completed_ones(
        &self,
        after: Option<&InvocationId>,
        limit: usize,
    ) -> Result<Vec<(InvocationId, Completed)>, StateError> {
        self.scan_ids(b'D', after, limit)
    }

    fn scan_ids<T: BorshDeserialize>(
        &self,
        table: u8,
        after: Option<&InvocationId>,
        limit: usize,
    ) -> Result<Vec<(InvocationId, T)>, StateError> {
        let from = after.map(|id| id_key(table, id, &[0]));
        let rows = self.backend.scan(&[table], from.as_deref(), limit)?;
        Ok(rows
            .into_iter()
            .map(|(key, value)| {
                let id: [u8; 24] = key[1..25]
                    .try_into()
                    .expect("the key of this table ends with an id");
                (InvocationId::from_bytes(id), decode(&value))
            })
            .collect())
    }

    // --- attempts ---

    /// Attempts at a time; 0 before the partition came up for the first time.
    pub(crate) fn attempts_max(&self) -> Result<u32, StateError> {
        Ok(self.read(b"A")?.unwrap_or(0))
    }

    pub(crate) fn put_attempts_max(&mut self, max: u32) {
        self.write(b"A", &max);
    }

    // --- kept spans ---

    pub(crate) fn kept_request(&self, id: &InvocationId) -> Result<Option<KeptRequest>, StateError> {
        self.read(&id_key(b'F', id, &0u32.to_be_bytes()))
    }

    pub(crate) fn put_kept_request(&mut self, id: &InvocationId, request: &KeptRequest) {
        self.write(&id_key(b'F', id, &0u32.to_be_bytes()), request);
    }

    pub(crate) fn kept_attempt(
        &self,
        id: &InvocationId,
        number: u32,
    ) -> Result<Option<EndedAttempt>, StateError> {
        self.read(&id_key(b'F', id, &number.to_be_bytes()))
    }

    pub(crate) fn put_kept_attempt(&mut self, id: &InvocationId, attempt: &EndedAttempt) {
        self.write(&id_key(b'F', id, &attempt.attempt.number.to_be_bytes()), attempt);
    }

    /// Deletes what is kept of the request (0) or of an attempt.
    pub(crate) fn delete_kept(&mut self, id: &InvocationId, number: u32) {
        self.backend.delete(&id_key(b'F', id, &number.to_be_bytes()));
    }

    // --- journal ---

    pub(crate) fn entry(&self, id: &InvocationId, index: u32) -> Result<JournalEntry, StateError> {
        if let Some((of, newest, entry)) = &self.newest_entry
            && (of, *newest) == (id, index)
        {
            return Ok(entry.clone());
        }
        let entry = self.read(&id_key(b'J', id, &index.to_be_bytes()))?;
        Ok(entry.expect("every index below the journal's length has an entry"))
    }

    pub(crate) fn put_entry(&mut self, id: &InvocationId, index: u32, entry: JournalEntry) {
        self.write(&id_key(b'J', id, &index.to_be_bytes()), &entry);
        self.newest_entry = Some((*id, index, entry));
    }

    pub(crate) fn delete_journal(&mut self, id: &InvocationId, len: u32) {
        self.newest_entry.take_if(|(of, ..)| of == id);
        for index in 0..len {
            self.backend.delete(&id_key(b'J', id, &index.to_be_bytes()));
        }
    }

    pub(crate) fn completion(
        &self,
        id: &InvocationId,
        completion_id: u32,
    ) -> Result<Option<u32>, StateError> {
        self.read(&id_key(b'C', id, &completion_id.to_be_bytes()))
    }

    pub(crate) fn put_completion(&mut self, id: &InvocationId, completion_id: u32, index: u32) {
        self.write(&id_key(b'C', id, &completion_id.to_be_bytes()), &index);
    }

    pub(crate) fn signal(&self, id: &InvocationId, name: &SignalName) -> Result<Option<u32>, StateError> {
        self.read(&id_key(b'S', id, &encode(name)))
    }

    pub(crate) fn put_signal(&mut self, id: &InvocationId, name: &SignalName, index: u32) {
        self.write(&id_key(b'S', id, &encode(name)), &index);
    }

    /// Forgets which completions and signals an ended invocation has got.
    pub(crate) fn delete_notification_index(&mut self, id: &InvocationId) -> Result<(), StateError> {
        for table in [b'C', b'S'] {
            for (key, _) in self.backend.scan(&id_key(table, id, &[]), None, usize::MAX)? {
                self.backend.delete(&key);
            }
        }
        Ok(())
    }

    // --- object locks ---

    pub(crate) fn lock(&self, target: &Target) -> Result<Option<Lock>, StateError> {
        self.read(&keyed(b'K', target, &[]))
    }

    pub(crate) fn put_lock(&mut self, target: &Target, lock: &Lock) {
        self.write(&keyed(b'K', target, &[]), lock);
    }

    pub(crate) fn delete_lock(&mut self, target: &Target) {
        self.backend.delete(&keyed(b'K', target, &[]));
    }

    pub(crate) fn queued(&self, target: &Target, place: u64) -> Result<Option<InvocationId>, StateError> {
        self.read(&keyed(b'Q', target, &place.to_be_bytes()))
    }

    pub(crate) fn put_queued(&mut self, target: &Target, place: u64, id: &InvocationId) {
        self.write(&keyed(b'Q', target, &place.to_be_bytes()), id);
    }

    pub(crate) fn delete_queued(&mut self, target: &Target, place: u64) {
        self.backend.delete(&keyed(b'Q', target, &place.to_be_bytes()));
    }

    // --- user state ---

    pub(crate) fn value(&self, target: &Target, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        self.backend.get(&keyed(b'V', target, key))
    }

    pub(crate) fn put_value(&mut self, target: &Target, key: &[u8], value: &[u8]) {
        self.backend.put(&keyed(b'V', target, key), value);
    }

    pub(crate) fn delete_value(&mut self, target: &Target, key: &[u8]) {
        self.backend.delete(&keyed(b'V', target, key));
    }

    /// State keys and values of an object, in key order.
    pub(crate) fn values(&self, target: &Target) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        let prefix = keyed(b'V', target, &[]);
        let rows = self.backend.scan(&prefix, None, usize::MAX)?;
        Ok(rows
            .into_iter()
            .map(|(key, value)| (key.slice(prefix.len()..), value))
            .collect())
    }

    // --- timers and retention ---

    pub(crate) fn timers(&self) -> Result<Vec<Timer>, StateError> {
        let rows = self.backend.scan(b"T", None, usize::MAX)?;
        Ok(rows.iter().map(|(key, _)| decode(&key[9..])).collect())
    }

    pub(crate) fn put_timer(&mut self, timer: &Timer) {
        self.backend.put(&due_key(b'T', timer.at_ms, timer), &[]);
    }

    pub(crate) fn delete_timer(&mut self, timer: &Timer) {
        self.backend.delete(&due_key(b'T', timer.at_ms, timer));
    }

    pub(crate) fn put_expiry(&mut self, expiry: &Expiry) {
        self.backend.put(&due_key(b'X', expiry.at_ms, expiry), &[]);
    }

    pub(crate) fn delete_expiry(&mut self, expiry: &Expiry) {
        self.backend.delete(&due_key(b'X', expiry.at_ms, expiry));
    }

    /// Retentions that ended by `now_ms`, at most `limit`, beginning at `from_ms`.
    pub(crate) fn expired(&self, from_ms: u64, now_ms: u64, limit: usize) -> Result<Vec<Expiry>, StateError> {
        let mut from = vec![b'X'];
        from.extend_from_slice(&from_ms.to_be_bytes());
        let rows = self.backend.scan(b"X", Some(&from), limit)?;
        let all = rows.iter().map(|(key, _)| decode::<Expiry>(&key[9..]));
        Ok(all.take_while(|expiry| expiry.at_ms <= now_ms).collect())
    }

    // --- messages between partitions ---

    pub(crate) fn outbox(&self) -> Result<Vec<(u16, u64, Message)>, StateError> {
        let rows = self.backend.scan(b"O", None, usize::MAX)?;
        Ok(rows
            .iter()
            .map(|(key, value)| {
                let to = u16::from_be_bytes(key[1..3].try_into().expect("two bytes"));
                let seq = u64::from_be_bytes(key[3..11].try_into().expect("eight bytes"));
                (to, seq, decode(value))
            })
            .collect())
    }

    pub(crate) fn put_outbox(&mut self, to: u16, seq: u64, message: &Message) {
        self.write(&partition_key(b'O', to, &seq.to_be_bytes()), message);
    }

    pub(crate) fn delete_outbox(&mut self, to: u16, seq: u64) {
        self.backend.delete(&partition_key(b'O', to, &seq.to_be_bytes()));
    }

    pub(crate) fn last_sent(&self, to: u16) -> Result<u64, StateError> {
        Ok(self.read(&partition_key(b'N', to, &[]))?.unwrap_or(0))
    }

    pub(crate) fn put_last_sent(&mut self, to: u16, seq: u64) {
        self.write(&partition_key(b'N', to, &[]), &seq);
    }

    pub(crate) fn last_received(&self, from: u16) -> Result<u64, StateError> {
        Ok(self.read(&partition_key(b'E', from, &[]))?.unwrap_or(0))
    }

    pub(crate) fn put_last_received(&mut self, from: u16, seq: u64) {
        self.write(&partition_key(b'E', from, &[]), &seq);
    }

    // --- promises ---

    pub(crate) fn promise(&self, target: &Target, name: &str) -> Result<Option<Promise>, StateError> {
        self.read(&keyed(b'P', target, name.as_bytes()))
    }

    pub(crate) fn put_promise(&mut self, target: &Target, name: &str, promise: &Promise) {
        self.write(&keyed(b'P', target, name.as_bytes()), promise);
    }

    /// Forgets state and promises of a workflow key.
    pub(crate) fn delete_workflow(&mut self, target: &Target) -> Result<(), StateError> {
        for table in [b'V', b'P'] {
            for (key, _) in self.backend.scan(&keyed(table, target, &[]), None, usize::MAX)? {
                self.backend.delete(&key);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
