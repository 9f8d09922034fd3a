use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::Delivery;

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn written(batch: &Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    runtime().block_on(write_batch(&mut bytes, batch)).unwrap();
    bytes
}

fn read(mut bytes: &[u8]) -> io::Result<Option<Batch>> {
    runtime().block_on(read_batch(&mut bytes, &mut vec![b"used before".to_vec()]))
}

fn batch() -> Batch {
    let mut batch = Batch::numbered(7);
    batch.push("everspan.invocation", b"{\"not\n\": json}\n", 2);
    batch.push("my::Type", &[0; 3], 0);
    batch.mark(Mark { source: 3, upto: 77 });
    batch
}

#[test]
fn a_batch_that_is_not_whole_is_the_end_wherever_it_breaks_off() {
    let bytes = written(&batch());
    assert_eq!(read(&bytes).unwrap(), Some(batch()));
    for end in 0..bytes.len() {
        assert_eq!(read(&bytes[..end]).unwrap(), None, "{end} of {}", bytes.len());
    }
}

#[test]
fn batches_stand_one_behind_the_other() {
    let mut bytes = written(&batch());
    bytes.extend(written(&Batch::numbered(8)));
    runtime().block_on(async {
        let (mut from, mut spare) = (bytes.as_slice(), Vec::new());
        assert_eq!(read_batch(&mut from, &mut spare).await.unwrap(), Some(batch()));
        assert_eq!(
            read_batch(&mut from, &mut spare).await.unwrap(),
            Some(Batch::numbered(8))
        );
        assert_eq!(read_batch(&mut from, &mut spare).await.unwrap(), None);
    });
}

#[test]
fn lengths_that_cannot_be_are_refused_before_room_is_made() {
    let head =
        |bytes: u64| format!("{{\"number\":1,\"spans\":1,\"marks\":[],\"scopes\":[[\"a\",{bytes}]]}}\n");
    let too_many = BATCH_BYTES_MAX as u64 + 1;
    let error = read(head(too_many).as_bytes()).unwrap_err().to_string();
    assert!(error.contains("more than 268435456 bytes"), "{error}");
    let just_so_many = read(head(too_many - 1).as_bytes());
    assert_eq!(just_so_many.unwrap(), None, "the bytes are missing");
    let long = vec![b' '; usize::try_from(LINE_BYTES_MAX).unwrap() + 1];
    let error = read(&long).unwrap_err().to_string();
    assert!(error.contains("a line has more than"), "{error}");
}

#[test]
fn every_answer_comes_back_as_it_was() {
    let taken = |rejected, message: Option<&str>| Delivery::Taken {
        rejected,
        message: message.map(str::to_owned),
    };
    let later = |wait| Delivery::Later {
        wait,
        why: "line\nbreak \"quote\" é".to_owned(),
    };
    let cases = [
        Delivery::taken(),
        taken(u64::MAX, Some("some\n")),
        later(None),
        later(Some(Duration::new(3, 500))),
        Delivery::Refused { why: String::new() },
    ];
    for delivery in cases {
        let mut bytes = Vec::new();
        let read = runtime().block_on(async {
            write_line(&mut bytes, &delivery).await.unwrap();
            read_line::<Delivery>(&mut bytes.as_slice()).await.unwrap()
        });
        assert_eq!(read, Some(delivery));
    }
}

proptest! {
    #[test]
    fn a_batch_comes_back_as_it_was(
        scopes in prop::collection::btree_map("\\PC{0,12}", prop::collection::vec(any::<u8>(), 0..50), 0..5),
        spans in 0_usize..1000,
        marks in prop::collection::vec((any::<u16>(), any::<u64>()), 0..20),
        number in any::<u64>(),
    ) {
        let mut batch = Batch::numbered(number);
        let mut count = if scopes.is_empty() { 0 } else { spans };
        for (scope, encoded) in &scopes {
            batch.push(scope, encoded, std::mem::take(&mut count));
        }
        for (source, upto) in marks {
            batch.mark(Mark { source, upto });
        }
        prop_assert_eq!(read(&written(&batch)).unwrap(), Some(batch));
    }

    #[test]
    fn arbitrary_bytes_are_read_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..200,
        bits in 1_u8..,
    ) {
        drop(read(&bytes));
        let mut line = bytes.clone();
        line.push(b'\n');
        prop_assert!(read(&line).is_err(), "no line of a batch");
        let mut damaged = written(&batch());
        let at = at % damaged.len();
        damaged[at] ^= bits;
        if let Ok(Some(read)) = read(&damaged) {
            prop_assert!(read.bytes() <= damaged.len());
        }
    }
}
