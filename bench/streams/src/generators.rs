//! The inputs, the same as the Flink jobs make them.

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_stream::{Collector, Progress, Result, RuntimeContext, Source, SourceReader};

/// Splitmix64.
pub(crate) fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Without the sign, as the Java side has it.
pub(crate) fn pos(z: u64) -> u64 {
    z & (u64::MAX >> 1)
}

/// Ten words of five letters, with a space between.
pub(crate) fn sentence(number: u64) -> String {
    let mut text = [b' '; 59];
    for (word, letters) in text.chunks_mut(6).enumerate() {
        let x = (pos(mix(number * 10 + word as u64)) % 10_000) as u32;
        let digits = [x / 1000, x / 100 % 10, x / 10 % 10, x % 10];
        letters[0] = b'w';
        for (letter, digit) in letters[1..].iter_mut().zip(digits) {
            *letter = b'0' + digit as u8;
        }
    }
    str::from_utf8(&text).expect("letters and digits").to_owned()
}

/// An event of the auction site.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Event {
    /// 0 a person, 1 an auction, 2 a bid.
    pub(crate) kind: u8,
    /// Event time, ms.
    pub(crate) ts: i64,
    pub(crate) person: i64,
    pub(crate) auction: i64,
    pub(crate) price: i64,
}

pub(crate) fn event(number: u64) -> Event {
    let epoch = (number / 50) as i64;
    let h = pos(mix(number));
    let ts = (number / 10) as i64;
    match number % 50 {
        0 => Event {
            kind: 0,
            ts,
            person: epoch,
            auction: -1,
            price: 0,
        },
        r @ 1..=3 => Event {
            kind: 1,
            ts,
            person: (epoch - (h % 100) as i64).max(0),
            auction: epoch * 3 + r as i64 - 1,
            price: 0,
        },
        _ => Event {
            kind: 2,
            ts,
            person: (epoch - ((h >> 24) % 1000) as i64).max(0),
            auction: if h & 1 == 0 {
                epoch * 3 / 100 * 100
            } else {
                (epoch * 3 - ((h >> 8) % 100) as i64).max(0)
            },
            price: 100 + ((h >> 33) % 10_000) as i64,
        },
    }
}

/// Events of the auction site: subtask `s` of `p` makes numbers `s`, `p + s`, `2p + s`, …
#[derive(Clone)]
pub(crate) struct Auctions {
    pub(crate) events: u64,
}

/// The numbers of one subtask.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Every {
    next: u64,
    step: u64,
    end: u64,
}

impl Source for Auctions {
    type Item = Event;
    type Split = Every;
    type Reader = AuctionReader;

    fn splits(&self, parallelism: usize) -> Result<Vec<Every>> {
        let step = parallelism as u64;
        let split = |next| Every {
            next,
            step,
            end: self.events,
        };
        Ok((0..step).map(split).collect())
    }

    fn reader(&self, _context: &RuntimeContext) -> Result<AuctionReader> {
        Ok(AuctionReader { splits: Vec::new() })
    }
}

pub(crate) struct AuctionReader {
    splits: Vec<Every>,
}

impl SourceReader for AuctionReader {
    type Item = Event;
    type Split = Every;

    fn add_splits(&mut self, splits: Vec<Every>) -> Result {
        self.splits.extend(splits);
        Ok(())
    }

    fn poll_next(&mut self, max: usize, out: &mut impl Collector<Event>) -> Result<Progress> {
        let Some(split) = self.splits.last_mut() else {
            return Ok(Progress::End);
        };
        for _ in 0..max {
            if split.next >= split.end {
                self.splits.pop();
                return Ok(Progress::More);
            }
            out.collect(event(split.next));
            split.next += split.step;
        }
        Ok(Progress::More)
    }

    fn snapshot(&mut self) -> Result<Vec<Every>> {
        Ok(self.splits.clone())
    }
}
