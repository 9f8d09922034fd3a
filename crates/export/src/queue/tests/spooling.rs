//! The queue with a keeper, whose work the tests do by hand.

use super::*;
use crate::spool::Place;

fn spooling_queue(batch_spans_max: usize, queue_bytes_max: usize) -> Queue {
    let limits = Limits {
        batch_delay: DELAY,
        batch_spans_max,
        queue_bytes_max,
        has_spool: true,
    };
    Queue::new(limits, &[], 1)
}

fn write(queue: &Queue) -> u64 {
    match queue.next_chore() {
        Chore::Write(number, _) => {
            assert!(queue.spooled(number, Place::for_test(number)));
            check_sum(queue);
            number
        }
        chore => panic!("a batch goes to disk, not {chore:?}"),
    }
}

fn sync(queue: &Queue) -> u64 {
    match queue.next_chore() {
        Chore::Sync(upto) => {
            queue.synced(upto);
            upto
        }
        chore => panic!("a sync, not {chore:?}"),
    }
}

#[test]
fn a_full_memory_goes_to_disk_oldest_first_and_is_read_back_in_order() {
    let queue = spooling_queue(10, 400);
    for _ in 0..3 {
        push(&queue, "a", 10);
    }
    assert_eq!(write(&queue), 1);
    let counters = queue.counters();
    assert_eq!((counters.queued, counters.spooled), (20, 10));
    for written in 2..=4 {
        push(&queue, "a", 10);
        assert_eq!(write(&queue), written);
    }
    assert_eq!(queue.counters().dropped.total(), 0);
    let mut order = Vec::new();
    loop {
        match queue.next_step(Instant::now() + DELAY) {
            Step::Read(number, place) => {
                assert_eq!(place, Place::for_test(number));
                let mut batch = Batch::new();
                batch.push("a", &[7; 100], 10);
                settle(&queue, (number, Arc::new(batch)), 0, Instant::now());
                order.push(number);
            }
            Step::Deliver(number, batch) => {
                settle(&queue, (number, batch), 0, Instant::now());
                order.push(number);
            }
            _ => break,
        }
    }
    assert_eq!(order, [1, 2, 3, 4, 5, 6]);
    assert_eq!(queue.counters().exported, 60);
}

#[test]
fn memory_of_what_is_on_disk_too_makes_room_for_a_push() {
    let queue = spooling_queue(10, 400);
    for _ in 0..4 {
        push(&queue, "a", 10);
    }
    assert_eq!((write(&queue), write(&queue)), (1, 2));
    for _ in 0..2 {
        push(&queue, "a", 10);
    }
    let counters = queue.counters();
    assert_eq!(
        (counters.queued, counters.spooled, counters.dropped.total()),
        (40, 20, 0)
    );
    push(&queue, "a", 1);
    assert_eq!(queue.counters().dropped.queue_full, 1, "no room is left");
    check_sum(&queue);
}

#[test]
fn a_ticket_is_done_when_all_before_it_is_on_disk_and_synced() {
    let queue = spooling_queue(100, 10_000);
    assert_eq!(queue.secure(), None, "nothing waits");
    push(&queue, "a", 1);
    let under_way = take(&queue, Instant::now() + DELAY);
    queue.count_failure();
    push(&queue, "a", 2);
    let ticket = queue.secure().expect("spans wait");
    push(&queue, "a", 4);
    assert_eq!(ticket, 2);
    assert_eq!((write(&queue), write(&queue)), (1, 2), "also what is under way");
    assert!(!queue.is_safe(ticket));
    assert_eq!(sync(&queue), 2);
    assert!(queue.is_safe(ticket));
    assert!(queue.wait_safe(ticket, Duration::ZERO));
    assert_eq!(queue.counters().queued, 4, "what came later stays in memory");
    settle(&queue, under_way, 0, Instant::now());
    assert_eq!(queue.secure(), Some(3));
}

#[test]
fn a_ticket_is_done_when_the_destination_has_taken_all_before_it() {
    let queue = spooling_queue(100, 10_000);
    push(&queue, "a", 1);
    let ticket = queue.secure().expect("a span waits");
    let batch = take(&queue, Instant::now());
    assert!(!queue.wait_safe(ticket, Duration::from_millis(1)));
    settle(&queue, batch, 0, Instant::now());
    assert!(queue.is_safe(ticket));
}

#[test]
fn without_room_on_disk_the_newest_are_dropped_and_counted() {
    let queue = spooling_queue(10, 100);
    push(&queue, "a", 10);
    assert!(matches!(queue.next_chore(), Chore::Write(1, _)));
    queue.write_failed();
    push(&queue, "a", 3);
    let dropped = queue.counters().dropped;
    assert_eq!((dropped.spool_full, dropped.queue_full), (3, 0));
    check_sum(&queue);
}

#[tokio::test]
async fn a_flush_is_no_success_when_what_waited_was_dropped() {
    let queue = spooling_queue(10, 10_000);
    push(&queue, "a", 10);
    let flush = queue.begin_flush();
    queue.cannot_spool(1);
    assert!(!queue.flushed(flush).await);
    push(&queue, "a", 10);
    let flush = queue.begin_flush();
    let batch = take(&queue, Instant::now());
    settle(&queue, batch, 0, Instant::now());
    assert!(queue.flushed(flush).await);
}

#[test]
fn a_stopped_queue_is_saved_as_far_as_there_is_room() {
    let queue = spooling_queue(10, 10_000);
    push(&queue, "a", 10);
    push(&queue, "a", 10);
    push(&queue, "a", 5);
    let ticket = queue.secure().expect("spans wait");
    let under_way = take(&queue, Instant::now());
    queue.stop();
    assert!(matches!(queue.next_step(Instant::now()), Step::Stop));
    assert_eq!((write(&queue), write(&queue)), (1, 2));
    assert!(matches!(queue.next_chore(), Chore::Write(3, _)));
    queue.write_failed();
    assert_eq!(sync(&queue), 2);
    assert!(matches!(queue.next_chore(), Chore::Stop));
    queue.keeper_ended();
    let counters = queue.counters();
    assert_eq!((counters.spooled, counters.dropped.spool_full), (20, 5));
    assert!(queue.is_safe(ticket), "nobody waits for a queue that is gone");
    check_sum(&queue);
    settle(&queue, under_way, 0, Instant::now());
    assert_eq!(queue.counters().spooled, 10);
}

#[test]
fn marks_alone_are_safe_without_the_disk() {
    let queue = spooling_queue(10, 10_000);
    push(&queue, "a", 1);
    let under_way = take(&queue, Instant::now() + DELAY);
    queue.count_failure();
    mark(&queue, 1, 1);
    let ticket = queue.secure().expect("a span is under way");
    assert_eq!(ticket, 2);
    assert_eq!((write(&queue), sync(&queue)), (1, 2));
    assert!(queue.is_safe(ticket));
    settle(&queue, under_way, 0, Instant::now());
}
