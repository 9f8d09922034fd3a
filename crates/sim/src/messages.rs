//! Messages between partitions in a checkpoint: none may have only one half there.
//!
//! Each partition numbers its messages for another one, keeps them until they are acknowledged, and drops what it has
//! received before. So what a receiver has was given, and what was given and is not received is still to be sent.

use std::collections::BTreeSet;

use everspan_state::{Backend, MemoryBackend};

/// Every message of these states, which are those of all partitions at one cut, is received, or will be.
pub(crate) fn all_whole(checkpoint: u64, states: &[MemoryBackend]) {
    for (from, sender) in (0_u16..).zip(states) {
        for (to, receiver) in (0_u16..).zip(states) {
            if from == to {
                continue;
            }
            let (given, received) = (number(sender, b'N', to), number(receiver, b'E', from));
            let waiting = outbox(sender, to);
            let of = format!("checkpoint {checkpoint}, messages of partition {from} to {to}");
            assert!(
                received <= given,
                "{of}: {received} was received, only {given} were given"
            );
            assert!(
                waiting.last().is_none_or(|&last| last <= given),
                "{of}: only {given} were given, {waiting:?} wait"
            );
            for seq in received + 1..=given {
                assert!(
                    waiting.contains(&seq),
                    "{of}: {seq} is lost, {received} was received, {waiting:?} wait"
                );
            }
        }
    }
}

/// A row of the table with one number for each partition; 0 where there is none.
fn number(state: &MemoryBackend, table: u8, partition: u16) -> u64 {
    let row = state.get(&key(table, partition)).expect("memory can be read");
    row.map_or(0, |row| borsh::from_slice(&row).expect("a number"))
}

/// The numbers of the messages that are not acknowledged.
fn outbox(state: &MemoryBackend, to: u16) -> BTreeSet<u64> {
    let prefix = key(b'O', to);
    let rows = state.scan(&prefix, None, usize::MAX).expect("memory can be read");
    let seq = |key: &[u8]| u64::from_be_bytes(key[prefix.len()..].try_into().expect("a number"));
    rows.iter().map(|(key, _)| seq(key)).collect()
}

fn key(table: u8, partition: u16) -> Vec<u8> {
    let mut key = vec![table];
    key.extend_from_slice(&partition.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two partitions: what the first gave to the second and what of it waits there, and what the second received.
    fn states(given: u64, waiting: &[u64], received: u64) -> [MemoryBackend; 2] {
        let (mut sender, mut receiver) = (MemoryBackend::new(), MemoryBackend::new());
        sender.put(&key(b'N', 1), &borsh::to_vec(&given).unwrap());
        for seq in waiting {
            let key = [key(b'O', 1), seq.to_be_bytes().to_vec()].concat();
            sender.put(&key, b"message");
        }
        receiver.put(&key(b'E', 0), &borsh::to_vec(&received).unwrap());
        [sender, receiver]
    }

    #[test]
    fn only_cuts_without_half_messages_pass() {
        let rows: [(u64, &[u64], u64, bool); 8] = [
            (0, &[], 0, true),
            (3, &[2, 3], 1, true),
            (3, &[1, 2, 3], 1, true),
            (3, &[], 3, true),
            (3, &[2], 1, false),
            (3, &[3], 1, false),
            (2, &[], 3, false),
            (2, &[3], 2, false),
        ];
        for (given, waiting, received, is_whole) in rows {
            let states = states(given, waiting, received);
            let checked = std::panic::catch_unwind(|| all_whole(1, &states));
            assert_eq!(checked.is_ok(), is_whole, "{given} {waiting:?} {received}");
        }
    }
}
