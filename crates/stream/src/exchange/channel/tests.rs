use super::*;
use crate::task::NO_TIMESTAMP;
use crate::task::snapshot::BarrierMode;

fn channel() -> Channel<u64> {
    Channel::new(Arc::default(), Arc::default(), BUFFERS_PER_CHANNEL)
}

fn batch(record: u64) -> Message<u64> {
    let mut batch = Batch::default();
    batch.push(record, NO_TIMESTAMP, None);
    Message::Batch(batch)
}

fn barrier(checkpoint: u64) -> Barrier {
    Barrier {
        checkpoint,
        mode: BarrierMode::Aligned,
        triggered_ns: 0,
        terminates: false,
    }
}

impl Channel<u64> {
    fn put(&self, messages: impl IntoIterator<Item = Message<u64>>) {
        for message in messages {
            assert!(self.offer(message).is_ok(), "there is room");
        }
    }

    fn records_of(&self, batches: usize) -> Vec<u64> {
        let mut records = Vec::new();
        self.look(batches, |batch| {
            records.extend(batch.iter().map(|(record, _)| *record))
        });
        records
    }
}

#[test]
fn barriers_of_checkpoints_that_were_given_up_do_not_pile_up_before_a_receiver_that_is_stuck() {
    let channel = channel();
    channel.put([batch(1)]);
    for checkpoint in 1..1000 {
        channel.put([Message::Barrier(barrier(checkpoint))]);
        if checkpoint % 2 == 0 {
            channel.overtake(barrier(checkpoint + 5000), std::iter::empty());
            channel.forget(checkpoint + 5000);
        }
        channel.forget(checkpoint);
    }
    assert_eq!((channel.level().messages, channel.level().barriers), (1, 0));
    assert!(channel.take_urgent().is_none(), "nothing that overtakes is left");
    assert_eq!(channel.records_of(1), [1]);
}

#[test]
fn what_a_barrier_overtook_is_known_also_when_another_one_leaves_the_channel() {
    for hastened in [false, true] {
        let channel = channel();
        channel.put([
            batch(1),
            Message::Barrier(barrier(1)),
            Message::Watermark(5),
            batch(2),
        ]);
        if hastened {
            channel.put([Message::Barrier(barrier(2))]);
            channel.hasten(2);
        } else {
            channel.overtake(barrier(2), std::iter::empty());
        }
        channel.forget(1);
        channel.put([batch(3)]);
        let Some(Message::Overtaking(of, overtaken)) = channel.take_urgent() else {
            panic!("the barrier of the other is there");
        };
        assert_eq!((of.checkpoint, channel.records_of(overtaken)), (2, vec![1, 2]));
    }
}

#[test]
fn of_watermarks_and_idleness_between_two_records_the_last_counts() {
    let channel = channel();
    channel.put([Message::Watermark(1), batch(1)]);
    channel.put((2..1000).flat_map(|time| [Message::Watermark(time), Message::Idle(time % 2 == 0)]));
    channel.put([Message::Barrier(barrier(1)), Message::Watermark(1000)]);
    let messages = std::iter::from_fn(|| channel.take());
    let told: Vec<String> = messages
        .map(|message| match message {
            Message::Watermark(time) => format!("watermark {time}"),
            Message::Idle(idle) => format!("idle {idle}"),
            Message::Batch(_) => "batch".to_owned(),
            Message::Barrier(_) | Message::Overtaking(..) => "barrier".to_owned(),
            Message::End => "end".to_owned(),
        })
        .collect();
    let expected = [
        "watermark 1",
        "batch",
        "watermark 999",
        "idle false",
        "barrier",
        "watermark 1000",
    ];
    assert_eq!(told, expected);
}
