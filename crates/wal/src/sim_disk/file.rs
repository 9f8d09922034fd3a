//! One simulated file: what is durable, what is read, what is pending between the two.

use super::rng::SimRng;

#[derive(Debug)]
pub(super) struct SimFile {
    durable: Vec<u8>,
    content: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

/// What a crash does to pending changes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    LoseAll,
    KeepAll,
    /// The first ones are kept, the rest is lost.
    KeepFirst,
    /// Each is kept or lost for itself, which is what reordering looks like afterwards.
    KeepAny,
}

impl Fate {
    pub(super) fn draw(rng: &mut SimRng) -> Fate {
        [
            Fate::LoseAll,
            Fate::KeepAll,
            Fate::KeepFirst,
            Fate::KeepAny,
            Fate::KeepAny,
        ][rng.below(5)]
    }

    pub(super) fn survivors<'a, T>(self, changes: &'a [T], rng: &mut SimRng) -> Vec<&'a T> {
        let first = rng.below(changes.len() + 1);
        let lost_one_in = 2 + rng.below(6);
        let survives = |index: usize, rng: &mut SimRng| match self {
            Fate::LoseAll => false,
            Fate::KeepAll => true,
            Fate::KeepFirst => index < first,
            Fate::KeepAny => !rng.one_in(lost_one_in),
        };
        let survivors = changes.iter().enumerate();
        survivors
            .filter(|(index, _)| survives(*index, rng))
            .map(|(_, change)| change)
            .collect()
    }
}

impl SimFile {
    pub(super) fn new(content: Vec<u8>) -> SimFile {
        SimFile {
            durable: content.clone(),
            content,
            pending: Vec::new(),
        }
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.change(Change::Write {
            offset,
            bytes: bytes.to_vec(),
        });
    }

    pub(super) fn set_length(&mut self, length: usize) {
        self.change(Change::Length(length));
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// A failed sync: some of what was pending became durable, the rest never will, and nobody can
    /// tell by reading.
    pub(super) fn lose_pending(&mut self, fate: Fate, sector_bytes: usize, rng: &mut SimRng) {
        self.durable = self.after_crash(fate, sector_bytes, rng);
        self.pending.clear();
    }

    pub(super) fn after_crash(&self, fate: Fate, sector_bytes: usize, rng: &mut SimRng) -> Vec<u8> {
        let changes = self.pending.iter();
        let pieces: Vec<Change> = changes.flat_map(|change| change.pieces(sector_bytes)).collect();
        let torn = rng.one_in(3).then(|| rng.below(pieces.len()));
        let mut durable = self.durable.clone();
        for (index, piece) in fate.survivors(&pieces, rng).into_iter().enumerate() {
            match piece {
                Change::Write { offset, bytes } if torn == Some(index) => {
                    let bytes = bytes[..rng.below(bytes.len())].to_vec();
                    Change::Write {
                        offset: *offset,
                        bytes,
                    }
                    .apply(&mut durable);
                }
                piece => piece.apply(&mut durable),
            }
        }
        durable
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.content);
        self.pending.push(change);
    }
}

impl Change {
    /// A write split where sectors meet.
    fn pieces(&self, sector_bytes: usize) -> Vec<Change> {
        let Change::Write { offset, bytes } = self else {
            return vec![self.clone()];
        };
        let (mut offset, mut rest, mut pieces) = (*offset, bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let length = (sector_bytes - offset % sector_bytes).min(rest.len());
            let bytes = rest[..length].to_vec();
            pieces.push(Change::Write { offset, bytes });
            (offset, rest) = (offset + length, &rest[length..]);
        }
        pieces
    }

    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Length(length) => content.resize(*length, 0),
            Change::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}
