//! Keyed state under checkpoints, with one failure: every key is written once, then random ones are read and written
//! anew at a slow rate, until enough checkpoints have completed.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everspan_stream::{
    Collector, DiscardingSink, KeyedContext, KeyedOpenContext, KeyedProcessFunction, Progress,
    RestartStrategy, Result, RuntimeContext, Source, SourceReader, StreamExecutionEnvironment, ValueState,
    ValueStateDescriptor,
};

use crate::arguments::{Arguments, Keeping};
use crate::told::{Told, rss_mb_max};
use crate::workloads::options;

/// Random keys at a time, with a millisecond between.
const AT_A_TIME: u64 = 20;
/// How often is looked whether enough checkpoints have completed.
const LOOK: Duration = Duration::from_millis(10);

/// Runs it; returns its line of JSON.
pub(crate) fn run(arguments: &Arguments, keeping: &Keeping) -> Result<String, Box<dyn Error>> {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(usize::try_from(arguments.parallelism)?)
        .set_keyed_chaining(arguments.keyed_chaining);
    let absent = Arc::new(AtomicU64::new(0));
    env.from_source(Visits { keeping: *keeping }, "visits")
        .key_by(|visit| visit.key)
        .process(Keeper {
            keeping: *keeping,
            value: ValueState::default(),
            absent: absent.clone(),
        })
        .sink_to(DiscardingSink);
    let told = Arc::new(Told::default());
    let mut options = options(arguments, &told);
    options.restart = Some(RestartStrategy::FixedDelay {
        attempts: 1,
        delay: Duration::from_secs(1),
    });
    let job = env.start(&arguments.workload, options)?;
    while !job.has_ended() && told.completed_checkpoints() < keeping.checkpoints {
        thread::sleep(LOOK);
    }
    job.control().cancel();
    let ran = job.wait()?;
    let line = serde_json::json!({
        "wall_s": ran.net_runtime.as_secs_f64(),
        "rss_mb": rss_mb_max(),
        "absent": absent.load(Ordering::Relaxed),
        "checkpoints": told.checkpoints(),
        "initializations": told.initializations(),
    });
    Ok(line.to_string())
}

/// A key to be read and written.
#[derive(Clone, Copy, borsh::BorshSerialize, borsh::BorshDeserialize)]
struct Visit {
    key: u64,
    /// How many came before.
    number: u64,
}

/// Every key in order, then random ones for ever. One split: the number of the next visit.
#[derive(Clone)]
struct Visits {
    keeping: Keeping,
}

impl Source for Visits {
    type Item = Visit;
    type Split = u64;
    type Reader = VisitReader;

    fn splits(&self, _parallelism: usize) -> Result<Vec<u64>> {
        Ok(vec![0])
    }

    fn reader(&self, context: &RuntimeContext) -> Result<VisitReader> {
        Ok(VisitReader {
            keeping: self.keeping,
            next: None,
            pause_until_ms: 0,
            fails: context.attempt_number() == 0,
            completed: 0,
        })
    }
}

struct VisitReader {
    keeping: Keeping,
    /// The number of the next visit, in the subtask that has the split.
    next: Option<u64>,
    /// Ms since the Unix epoch.
    pause_until_ms: i64,
    /// Whether the failure is still to come.
    fails: bool,
    completed: u64,
}

impl SourceReader for VisitReader {
    type Item = Visit;
    type Split = u64;

    fn add_splits(&mut self, splits: Vec<u64>) -> Result {
        self.next = splits.into_iter().next();
        Ok(())
    }

    fn poll_next(&mut self, max: usize, out: &mut impl Collector<Visit>) -> Result<Progress> {
        let Some(next) = &mut self.next else {
            return Ok(Progress::End);
        };
        let keys = self.keeping.keys;
        let first = *next;
        if first < keys {
            *next = keys.min(first + max as u64);
            (first..*next).for_each(|number| out.collect(Visit { key: number, number }));
            return Ok(Progress::More);
        }
        let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        if now_ms < self.pause_until_ms {
            return Ok(Progress::Later {
                at_ms: Some(self.pause_until_ms),
            });
        }
        self.pause_until_ms = now_ms + 1;
        *next = first + AT_A_TIME;
        for number in first..*next {
            let key = random_key(number, keys);
            out.collect(Visit { key, number });
        }
        Ok(Progress::More)
    }

    fn snapshot(&mut self) -> Result<Vec<u64>> {
        Ok(self.next.into_iter().collect())
    }

    fn completed(&mut self, _checkpoint: u64) -> Result {
        self.completed += 1;
        if self.fails && self.completed == self.keeping.fail_after {
            return Err("the failure that was asked for".into());
        }
        Ok(())
    }
}

fn random_key(number: u64, keys: u64) -> u64 {
    let h = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((h ^ (h >> 32)) & (u64::MAX >> 1)) % keys
}

/// Reads and writes the value of a key; counts those that should be there and are not.
#[derive(Clone)]
struct Keeper {
    keeping: Keeping,
    value: ValueState<Vec<u8>>,
    absent: Arc<AtomicU64>,
}

impl KeyedProcessFunction<u64, Visit> for Keeper {
    type Out = u64;

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, u64>) -> Result {
        self.value = ctx.get_state(ValueStateDescriptor::new("value"))?;
        Ok(())
    }

    fn process_element(
        &mut self,
        Visit { key, number }: Visit,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut impl Collector<u64>,
    ) -> Result {
        let is_there = self.value.with(ctx, |before| before.is_some())?;
        // All were written before the first random one came, whatever was restored since.
        if !is_there && number >= self.keeping.keys {
            self.absent.fetch_add(1, Ordering::Relaxed);
        }
        let seed = key.wrapping_mul(31).wrapping_add(number);
        self.value.update(ctx, value_of(seed, self.keeping.value_bytes))?;
        out.collect(key);
        Ok(())
    }
}

fn value_of(mut seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len.next_multiple_of(8));
    while bytes.len() < len {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        seed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        seed ^= seed >> 27;
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
