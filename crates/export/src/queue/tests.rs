use std::sync::Arc;

use super::*;

const DELAY: Duration = Duration::from_millis(200);

fn queue(batch_spans_max: usize, queue_bytes_max: usize) -> Arc<Queue> {
    Arc::new(Queue::new(Limits {
        batch_delay: DELAY,
        batch_spans_max,
        queue_bytes_max,
    }))
}

/// Pushes `count` spans of ten bytes each; says whether the task was woken.
fn push(queue: &Queue, scope: &'static str, count: usize) -> bool {
    queue.push(scope, &vec![7; 10 * count], count, &[])
}

fn take(queue: &Queue, now: Instant) -> Batch {
    match queue.next_step(now) {
        Step::Send(batch) => batch,
        step => panic!("a batch leaves, not {step:?}"),
    }
}

#[test]
fn a_batch_leaves_when_its_first_span_has_waited_long_enough() {
    let queue = queue(100, 10_000);
    assert!(push(&queue, "a", 1), "the first span wakes the task");
    assert!(!push(&queue, "a", 1), "the second does not");
    let now = Instant::now();
    assert!(matches!(queue.next_step(now), Step::SleepUntil(due) if due <= now + DELAY));
    let batch = take(&queue, now + DELAY);
    assert_eq!((batch.spans(), batch.bytes()), (2, 20));
}

#[test]
fn a_full_batch_leaves_at_once_and_wakes_the_task_once() {
    let queue = queue(4, 10_000);
    let now = Instant::now();
    assert!(push(&queue, "a", 3));
    assert!(matches!(queue.next_step(now), Step::SleepUntil(_)));
    assert!(push(&queue, "a", 1), "the batch is full");
    assert!(!push(&queue, "a", 4), "the task is on its way");
    assert_eq!(take(&queue, now).spans(), 4);
    assert_eq!(take(&queue, now).spans(), 4);
    assert!(!push(&queue, "a", 4), "the task is busy");
}

#[test]
fn a_steady_flow_needs_no_wake_up() {
    let queue = queue(100, 10_000);
    let start = Instant::now();
    push(&queue, "a", 1);
    let batch = take(&queue, start + DELAY * 2);
    queue.settle(batch, 0, start + DELAY * 2);
    assert!(
        matches!(queue.next_step(start + DELAY * 2), Step::SleepUntil(until) if until == start + DELAY * 3)
    );
    assert!(!push(&queue, "a", 1), "the task is on its timer");
    let batch = take(&queue, start + DELAY * 3);
    queue.settle(batch, 0, start + DELAY * 3);
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
    let batch = take(&queue, Instant::now() + DELAY);
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
    queue.settle(batch, 0, Instant::now());
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
        queue.push("a", &big, 1, &[]);
    }
    assert_eq!(take(&queue, Instant::now()).spans(), 2);
    queue.push("a", &vec![0; 2 * BATCH_BYTES_MAX], 1, &[]);
    assert_eq!(take(&queue, Instant::now()).spans(), 1);
    assert_eq!(take(&queue, Instant::now() + DELAY).spans(), 1);
}

#[test]
fn a_flush_empties_the_queue_without_delay() {
    let queue = queue(100, 10_000);
    push(&queue, "a", 1);
    queue.begin_flush();
    let now = Instant::now();
    let batch = take(&queue, now);
    queue.settle(batch, 0, now);
    assert!(matches!(queue.next_step(now), Step::SleepUntil(_)));
    push(&queue, "a", 1);
    assert!(
        matches!(queue.next_step(now), Step::SleepUntil(_)),
        "the flush is over"
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
    queue.settle(batch, 1, now);
    assert!(matches!(queue.next_step(now), Step::Stop));
    let counters = queue.counters();
    assert_eq!(
        (
            counters.exported,
            counters.dropped.rejected,
            counters.dropped.shutdown
        ),
        (2, 1, 2)
    );
    assert_eq!(counters.queued, 0);
}

#[test]
fn what_is_abandoned_is_counted_once() {
    let queue = queue(2, 10_000);
    push(&queue, "a", 2);
    push(&queue, "a", 1);
    let batch = take(&queue, Instant::now());
    queue.abandon();
    queue.settle(batch, 0, Instant::now());
    queue.abandon();
    let counters = queue.counters();
    assert_eq!(
        (counters.exported, counters.dropped.shutdown, counters.queued),
        (0, 3, 0)
    );
}
