use super::*;
use crate::exchange::{BUFFERS_PER_CHANNEL, Waker};
use crate::graph::OperatorOptions;
use crate::task::TaskContext;

/// Adds up what comes; its state is the sum.
#[derive(Default)]
struct Sum {
    sum: u64,
    at_barrier: Option<u64>,
}

impl Stage<u64> for Sum {
    fn record(&mut self, record: u64, _task: &mut TaskContext) {
        self.sum += record;
    }

    fn signal(&mut self, signal: &mut Signal<'_>, _task: &mut TaskContext) {
        if let Signal::Barrier(_) = signal {
            self.at_barrier = Some(self.sum);
        }
    }
}

struct Gate {
    head: GateHead<u64, Sum>,
    channels: Vec<Arc<Channel<u64>>>,
}

/// A gate with two inputs, as subtask `subtask` of two; numbers go to the subtask that their last bit says.
fn gate(elements: Vec<Vec<u8>>, subtask: usize) -> Gate {
    let waker = || Arc::new(Waker::default());
    let channels: Vec<_> = (0..2)
        .map(|_| Arc::new(Channel::new(waker(), waker(), BUFFERS_PER_CHANNEL)))
        .collect();
    let head = crate::graph::Graph::default().add_operator(OperatorOptions::named("sum"));
    let restoring = Restoring {
        head,
        subtask,
        parallelism: 2,
        elements,
        routers: vec![Router::ByContent(Box::new(|number, targets| {
            usize::try_from(*number).unwrap() % targets
        }))],
    };
    let inputs = channels.iter().map(|channel| (0, channel.clone())).collect();
    let mut head = GateHead::new(inputs, restoring, Sum::default(), Arc::default());
    head.open(at(0)).unwrap();
    Gate { head, channels }
}

fn at(ms: u64) -> Now {
    Now {
        wall_ns: ms * 1_000_000,
        monotonic_ns: ms * 1_000_000,
    }
}

fn batch(records: &[u64]) -> Message<u64> {
    let mut batch = Batch::default();
    records.iter().for_each(|&record| batch.push(record, 5, None));
    Message::Batch(batch)
}

/// A number with its time, in flight.
const RECORD_BYTES: u64 = 16;

fn barrier(mode: BarrierMode) -> Barrier {
    Barrier {
        checkpoint: 1,
        mode,
        triggered_ns: 0,
        terminates: false,
    }
}

impl Gate {
    fn offer(&self, input: usize, message: Message<u64>) {
        assert!(self.channels[input].offer(message).is_ok(), "there is room");
    }

    fn run(&mut self, now: Now) {
        while self.head.step(now).unwrap() == Step::Worked {}
    }

    /// The sum in the snapshot, what was in flight, and bytes processed during the alignment.
    fn snapshot(&mut self) -> Option<(u64, Vec<Vec<u8>>, u64)> {
        let snapshot = self.head.take_snapshots().pop()?;
        let in_flight = snapshot
            .parts
            .into_iter()
            .find(|part| part.uid.ends_with("/in-flight"));
        let sum = self.head.chain.first.at_barrier.expect("the barrier has passed");
        let in_flight = in_flight.map(|part| part.list).unwrap_or_default();
        Some((sum, in_flight, snapshot.stats.processed_bytes))
    }
}

/// What the two subtasks of a later run make of data in flight.
fn restored(elements: &[Vec<u8>]) -> [u64; 2] {
    [0, 1].map(|subtask| gate(elements.to_vec(), subtask).head.chain.first.sum)
}

#[test]
fn what_a_barrier_overtakes_and_what_comes_before_the_other_barrier_is_part_of_the_checkpoint() {
    let mut gate = gate(Vec::new(), 0);
    gate.offer(0, batch(&[1]));
    gate.run(at(1));
    gate.offer(0, batch(&[10, 11]));
    gate.channels[0].overtake(barrier(BarrierMode::Unaligned), std::iter::once(batch(&[20])));
    gate.offer(0, batch(&[1000]));
    gate.offer(1, batch(&[40, 41]));
    gate.run(at(2));
    assert!(gate.snapshot().is_none(), "the other input's barrier is missing");
    gate.channels[1].overtake(barrier(BarrierMode::Unaligned), std::iter::once(batch(&[80])));
    gate.offer(1, batch(&[2000]));
    gate.run(at(3));
    let (sum, in_flight, processed) = gate.snapshot().expect("both have come");
    assert_eq!(processed, 6 * RECORD_BYTES, "between the two barriers");
    assert_eq!(sum, 1, "the state is as it was when the first barrier came");
    assert_eq!(
        gate.head.chain.first.sum,
        1 + 21 + 20 + 81 + 80 + 3000,
        "nothing is lost here"
    );
    assert_eq!(
        restored(&in_flight),
        [10 + 20 + 40 + 80, 11 + 41],
        "by the key, not by who had it"
    );
}

#[test]
fn an_aligned_barrier_overtakes_when_its_time_is_up() {
    for late in [false, true] {
        let mut gate = gate(Vec::new(), 0);
        let until = barrier(BarrierMode::AlignedUntil(10_000_000));
        gate.offer(0, Message::Barrier(until.clone()));
        gate.offer(0, batch(&[500]));
        gate.run(at(1));
        assert_eq!(gate.head.chain.first.sum, 0, "the input waits for the other");
        gate.offer(1, batch(&[4, 5]));
        gate.offer(1, Message::Barrier(until));
        gate.run(at(if late { 10 } else { 9 }));
        let (sum, in_flight, processed) = gate.snapshot().expect("both have come");
        assert_eq!(gate.head.chain.first.sum, 509);
        let until_the_last_barrier = if late { 0 } else { 2 * RECORD_BYTES };
        assert_eq!(processed, until_the_last_barrier);
        let expected = if late { (0, [4, 5]) } else { (9, [0, 0]) };
        assert_eq!((sum, restored(&in_flight)), expected, "{late}");
    }
}

#[test]
fn what_was_collected_for_a_checkpoint_that_was_given_up_is_dropped() {
    let mut gate = gate(Vec::new(), 0);
    gate.channels[0].overtake(barrier(BarrierMode::Unaligned), std::iter::once(batch(&[2])));
    gate.run(at(1));
    gate.head.order(Order::Aborted(1), at(2)).unwrap();
    gate.channels[1].overtake(barrier(BarrierMode::Unaligned), std::iter::empty());
    gate.run(at(3));
    assert!(gate.snapshot().is_none());
    assert_eq!(gate.head.chain.first.sum, 2);
}
