use super::state::BATCH_BYTES_MAX;
use super::*;

mod spooling;

const DELAY: Duration = Duration::from_millis(200);

fn queue(batch_spans_max: usize, queue_bytes_max: usize) -> Queue {
    let limits = Limits {
        batch_delay: DELAY,
        batch_spans_max,
        queue_bytes_max,
        has_spool: false,
    };
    Queue::new(limits, &[], 1)
}

/// Pushes `count` spans of ten bytes each; says whether the sender was woken.
fn push(queue: &Queue, scope: &str, count: usize) -> bool {
    push_bytes(queue, scope, &vec![7; 10 * count], count)
}

fn push_bytes(queue: &Queue, scope: &str, encoded: &[u8], count: usize) -> bool {
    let piece = Piece {
        scope,
        encoded,
        count,
    };
    queue.push_quietly(std::iter::once(piece), &[])
}

fn mark(queue: &Queue, source: u16, upto: u64) -> bool {
    queue.push_quietly(std::iter::empty(), &[Mark { source, upto }])
}

fn take(queue: &Queue, now: Instant) -> (u64, Arc<Batch>) {
    match queue.next_step(now) {
        Step::Deliver(number, batch) => (number, batch),
        step => panic!("a batch leaves, not {step:?}"),
    }
}

fn settle(queue: &Queue, (number, batch): (u64, Arc<Batch>), rejected: u64, now: Instant) {
    queue.settle(number, batch, rejected, now);
    check_sum(queue);
}

/// Nothing is counted twice, nothing not at all.
fn check_sum(queue: &Queue) {
    let counters = queue.counters();
    assert_eq!(
        counters.pushed + counters.resumed,
        counters.exported + counters.dropped.total() + counters.queued + counters.spooled,
        "{counters:?}"
    );
}

#[test]
fn a_batch_leaves_when_its_first_span_has_waited_long_enough() {
    let queue = queue(100, 10_000);
    assert!(push(&queue, "a", 1), "the first span wakes the sender");
    assert!(!push(&queue, "a", 1), "the second does not");
    let now = Instant::now();
    assert!(matches!(queue.next_step(now), Step::SleepUntil(due) if due <= now + DELAY));
    let (_, batch) = take(&queue, now + DELAY);
    assert_eq!((batch.spans(), batch.bytes()), (2, 20));
}

#[test]
fn a_full_batch_leaves_at_once_and_wakes_the_sender_once() {
    let queue = queue(4, 10_000);
    let now = Instant::now();
    assert!(push(&queue, "a", 3));
    assert!(matches!(queue.next_step(now), Step::SleepUntil(_)));
    assert!(push(&queue, "a", 1), "the batch is full");
    assert!(!push(&queue, "a", 4), "the sender is on its way");
    for _ in 0..2 {
        let batch = take(&queue, now);
        assert_eq!(batch.1.spans(), 4);
        assert!(!push(&queue, "b", 0), "the sender is busy");
        settle(&queue, batch, 0, now);
    }
}

#[test]
fn a_steady_flow_needs_no_wake_up() {
    let queue = queue(100, 10_000);
    let start = Instant::now();
    push(&queue, "a", 1);
    let batch = take(&queue, start + DELAY * 2);
    settle(&queue, batch, 0, start + DELAY * 2);
    assert!(
        matches!(queue.next_step(start + DELAY * 2), Step::SleepUntil(until) if until == start + DELAY * 3)
    );
    assert!(!push(&queue, "a", 1), "the sender is on its timer");
    let batch = take(&queue, start + DELAY * 3);
    settle(&queue, batch, 0, start + DELAY * 3);
    assert!(matches!(queue.next_step(start + DELAY * 3), Step::SleepUntil(_)));
    assert!(
        matches!(queue.next_step(start + DELAY * 4), Step::Sleep),
        "nothing came"
    );
    assert!(push(&queue, "a", 1));
}

#[test]
fn spans_of_one_scope_stay_together() {
    let queue = queue(100, 10_000);
    for scope in ["a", "b", "a", "c", "b"] {
        push(&queue, scope, 2);
    }
    let (_, batch) = take(&queue, Instant::now() + DELAY);
    let sizes: Vec<_> = batch
        .scopes()
        .map(|(scope, bytes)| (scope, bytes.len()))
        .collect();
    assert_eq!(sizes, [("a", 40), ("b", 40), ("c", 20)]);
}

#[test]
fn a_full_queue_drops_and_counts_exactly_and_has_room_again_later() {
    let queue = queue(10, 100);
    push(&queue, "a", 10);
    push(&queue, "a", 1);
    let batch = take(&queue, Instant::now());
    push(&queue, "a", 3); // the batch under way still takes its room
    assert_eq!(queue.counters().dropped.queue_full, 4);
    settle(&queue, batch, 0, Instant::now());
    push(&queue, "a", 9);
    push(&queue, "a", 2);
    let counters = queue.counters();
    assert_eq!(
        (counters.exported, counters.queued, counters.dropped.queue_full),
        (10, 9, 6)
    );
}

#[test]
fn a_batch_stays_below_what_collectors_take() {
    let queue = queue(100_000, usize::MAX);
    let big = vec![0; BATCH_BYTES_MAX / 2];
    for _ in 0..3 {
        push_bytes(&queue, "a", &big, 1);
    }
    push_bytes(&queue, "a", &vec![0; 2 * BATCH_BYTES_MAX], 1);
    for spans in [2, 1, 1] {
        let batch = take(&queue, Instant::now() + DELAY);
        assert_eq!(batch.1.spans(), spans);
        settle(&queue, batch, 0, Instant::now());
    }
}

#[test]
fn the_spans_of_a_push_and_its_marks_stay_in_one_batch() {
    for first in [2, 3, 4] {
        let queue = queue(4, usize::MAX);
        push(&queue, "a", first);
        let encoded = [7; 30];
        let piece = |scope| Piece {
            scope,
            encoded: &encoded,
            count: 3,
        };
        let mark = Mark { source: 1, upto: 9 };
        queue.push([piece("a"), piece("b"), piece("c")].into_iter(), &[mark]);
        let mut batch = take(&queue, Instant::now() + DELAY).1;
        if batch.marks().is_empty() {
            assert_eq!(batch.spans(), first, "nothing of the second push");
            queue.settle(1, batch, 0, Instant::now());
            batch = take(&queue, Instant::now() + DELAY).1;
        }
        assert_eq!(batch.marks(), [mark]);
        assert_eq!(batch.scopes().count(), 3, "after {first} spans");
    }
}

#[test]
fn a_flush_takes_what_waits_without_delay_and_no_more() {
    let queue = queue(100, 10_000);
    push(&queue, "a", 1);
    queue.begin_flush();
    let now = Instant::now();
    let batch = take(&queue, now);
    push(&queue, "a", 1);
    settle(&queue, batch, 0, now);
    assert!(
        matches!(queue.next_step(now), Step::SleepUntil(_)),
        "the flush is over"
    );
}

#[test]
fn marks_travel_with_the_spans_before_them_and_alone() {
    let queue = queue(2, 10_000);
    let start = Instant::now();
    push(&queue, "a", 1);
    assert!(!mark(&queue, 3, 7), "the sender is on its way");
    mark(&queue, 3, 7);
    mark(&queue, 3, 6);
    let batch = take(&queue, Instant::now() + DELAY);
    assert_eq!(batch.1.marks(), [Mark { source: 3, upto: 7 }]);
    settle(&queue, batch, 0, start);
    assert!(matches!(queue.next_step(start + DELAY), Step::Sleep));
    assert!(!mark(&queue, 3, 7), "nothing new");
    assert!(matches!(queue.next_step(start + DELAY), Step::Sleep));
    assert!(mark(&queue, 3, 8), "a mark alone waits its turn too");
    let (_, batch) = take(&queue, Instant::now() + DELAY);
    assert_eq!(
        (batch.spans(), batch.marks()),
        (0, &[Mark { source: 3, upto: 8 }][..])
    );
}

#[test]
fn a_closed_queue_drains_and_stops() {
    let queue = queue(100, 10_000);
    push(&queue, "a", 3);
    queue.close();
    push(&queue, "a", 2);
    let now = Instant::now();
    let batch = take(&queue, now);
    settle(&queue, batch, 1, now);
    assert!(matches!(queue.next_step(now), Step::Stop));
    let counters = queue.counters();
    let dropped = counters.dropped;
    assert_eq!((counters.exported, dropped.rejected, dropped.shutdown), (2, 1, 2));
    assert_eq!(counters.queued, 0);
}

#[test]
fn what_is_given_up_at_the_end_is_counted_once() {
    let queue = queue(2, 10_000);
    push(&queue, "a", 2);
    push(&queue, "a", 1);
    let batch = take(&queue, Instant::now());
    queue.stop();
    queue.stop();
    let dropped = queue.counters().dropped;
    assert_eq!((dropped.shutdown, queue.counters().queued), (3, 0));
    assert!(!queue.is_wanted(batch.0));
    settle(&queue, batch, 0, Instant::now());
    let counters = queue.counters();
    assert_eq!(
        (counters.exported, counters.dropped.shutdown),
        (2, 1),
        "it arrived after all"
    );
}
