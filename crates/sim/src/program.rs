//! What a handler does, as data: the argument of every simulated invocation is its program.

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_wal::sim_disk::SimRng;

/// Steps in order; then the result.
#[derive(Clone, Debug, Default, PartialEq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    /// Ends with a terminal error instead of a value.
    pub(crate) fails: bool,
}

/// One thing a handler does.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Step {
    /// A side effect whose result is kept.
    Run,
    /// Waits this many ms.
    Sleep(u64),
    /// Adds one to the object's counter; elsewhere nothing.
    Add,
    /// Reads the object's counter; elsewhere nothing.
    Look,
    /// Calls and awaits at once.
    Call(Callee),
    /// Calls, does these steps, then awaits.
    CallThen(Callee, Vec<Step>),
    /// Sends, perhaps with a delay in ms.
    Send(Callee, u64),
    /// Waits for somebody outside.
    Awakeable,
    /// Calls one that listens, tells it so many numbers by signal, awaits its end.
    Feed(Callee, u8),
    /// Waits for the numbers 0, 1, … each told by a signal of one name.
    Listen(u8),
}

/// Whom a step calls.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Callee {
    /// The object's key; `None`: the plain service.
    pub(crate) key: Option<u8>,
    pub(crate) idempotency_key: Option<u8>,
    pub(crate) program: Program,
}

/// Object keys there are.
pub(crate) const KEYS: u8 = 4;
const IDEMPOTENCY_KEYS: usize = 3;

impl Program {
    /// One step.
    pub(crate) fn of(step: Step) -> Self {
        Self {
            steps: vec![step],
            fails: false,
        }
    }

    /// A random one that awaits objects with keys from `floor` on only, so that nobody waits in a circle.
    pub(crate) fn draw(rng: &mut SimRng, floor: u8, depth: u32) -> Self {
        Self {
            steps: (0..=rng.below(4)).map(|_| step(rng, floor, depth)).collect(),
            fails: rng.one_in(10),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory cannot fail")
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        Self::try_from_slice(bytes).expect("arguments are programs")
    }
}

fn step(rng: &mut SimRng, floor: u8, depth: u32) -> Step {
    match rng.below(if depth == 0 { 7 } else { 12 }) {
        0 | 1 => Step::Run,
        2 => Step::Sleep([1, 20, 300, 5000][rng.below(4)]),
        3 | 4 => Step::Add,
        5 => Step::Look,
        6 => Step::Awakeable,
        7 | 8 => Step::Call(callee(rng, floor, depth)),
        9 => {
            let numbers = u8::try_from(rng.below(4)).expect("small");
            let mut callee = callee(rng, floor, depth);
            callee.idempotency_key = None;
            callee.program = Program::of(Step::Listen(numbers));
            Step::Feed(callee, numbers)
        }
        10 => {
            let callee = callee(rng, floor, depth);
            Step::CallThen(callee, vec![Step::Run, Step::Sleep(10)])
        }
        _ => {
            let delay_ms = if rng.one_in(2) { 0 } else { 400 };
            Step::Send(callee(rng, 0, depth), delay_ms)
        }
    }
}

fn callee(rng: &mut SimRng, floor: u8, depth: u32) -> Callee {
    if rng.one_in(5) {
        // others may await it too, so it awaits nobody
        return Callee {
            key: None,
            idempotency_key: u8::try_from(rng.below(IDEMPOTENCY_KEYS)).ok(),
            program: Program::of(Step::Run),
        };
    }
    let key = floor.saturating_add(u8::try_from(rng.below(3)).expect("small"));
    let key = (key < KEYS).then_some(key);
    let floor = key.map_or(floor, |key| key + 1);
    Callee {
        key,
        idempotency_key: None,
        program: Program::draw(rng, floor, depth - 1),
    }
}

/// The plain service's and the object's name, and the one handler of both.
pub(crate) const PLAIN: &str = "Plain";
pub(crate) const OBJECT: &str = "Object";
pub(crate) const HANDLER: &str = "run";

/// Service and key of a callee.
pub(crate) fn target(callee: &Callee) -> (String, String) {
    match callee.key {
        Some(key) => (OBJECT.into(), object_key(key)),
        None => (PLAIN.into(), String::new()),
    }
}

/// The key of an object as text.
pub(crate) fn object_key(key: u8) -> String {
    format!("k{key}")
}
