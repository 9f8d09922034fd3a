use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::Notify;

use super::*;

/// Says what it got, and waits for a permit before it answers.
struct Slow {
    got: Sender<String>,
    permits: Receiver<()>,
}

impl BlockingDestination for Slow {
    fn deliver(&mut self, batch: &Batch) -> Delivery {
        let scope = batch.scopes().next().unwrap().0.to_owned();
        self.got.send(scope.clone()).unwrap();
        self.permits.recv().unwrap();
        assert_ne!(scope, "panics");
        Delivery::Refused { why: scope }
    }

    fn place(&self) -> String {
        "slow".to_owned()
    }

    fn close(&mut self) {
        self.got.send("closed".to_owned()).unwrap();
    }
}

fn slow() -> (Box<dyn Destination>, Receiver<String>, Sender<()>) {
    let (got, seen) = channel();
    let (permit, permits) = channel();
    let destination = on_own_thread("slow\0", Slow { got, permits }).unwrap();
    (destination, seen, permit)
}

fn batch(scope: &str) -> Batch {
    let mut batch = Batch::new();
    batch.push(scope, b"", 1);
    batch
}

/// Waits until the destination has begun, then drops the future.
async fn begin_and_give_up(destination: &mut Box<dyn Destination>, batch: &Batch, seen: &Receiver<String>) {
    let begun = Arc::new(Notify::new());
    tokio::select! {
        biased;
        _ = destination.deliver(batch) => panic!("there was no permit to answer"),
        () = async { begun.notify_one(); begun.notified().await } => {}
    }
    assert_eq!(seen.recv().unwrap(), batch.scopes().next().unwrap().0);
}

#[tokio::test]
async fn a_batch_that_comes_again_while_it_is_worked_on_is_not_worked_on_again() {
    let (mut destination, seen, permit) = slow();
    let a = batch("a");
    begin_and_give_up(&mut destination, &a, &seen).await;
    permit.send(()).unwrap();
    assert_eq!(
        destination.deliver(&a).await,
        Delivery::Refused { why: "a".to_owned() }
    );
    destination.close();
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["closed"]);
}

#[tokio::test]
async fn another_batch_waits_for_the_one_under_way() {
    let (mut destination, seen, permit) = slow();
    begin_and_give_up(&mut destination, &batch("a"), &seen).await;
    permit.send(()).unwrap();
    permit.send(()).unwrap();
    let delivery = destination.deliver(&batch("b")).await;
    assert_eq!(delivery, Delivery::Refused { why: "b".to_owned() });
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn a_destination_that_panics_refuses_what_comes_later() {
    let (mut destination, _seen, permit) = slow();
    permit.send(()).unwrap();
    for scope in ["panics", "later"] {
        assert_eq!(destination.deliver(&batch(scope)).await, ended());
    }
}

#[tokio::test]
async fn a_destination_that_is_dropped_is_closed() {
    let (destination, seen, _permit) = slow();
    drop(destination);
    assert_eq!(seen.recv().unwrap(), "closed");
}
