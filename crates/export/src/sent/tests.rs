use tempfile::TempDir;

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn marks(upto: u64) -> [Mark; 1] {
    [Mark { source: 1, upto }]
}

fn up_to(number: u64, upto: u64) -> Before {
    let mut marks = Marks::default();
    marks.raise(Mark { source: 1, upto });
    Before::UpTo(number, marks)
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_a_process_noted_is_known_once_it_has_ended() {
    let dir = dir();
    assert_eq!(
        before(dir.path(), LONG).unwrap(),
        Before::Nothing,
        "there was none"
    );
    let sent = Sent::open(dir.path(), LONG).unwrap();
    assert_eq!(before(dir.path(), Duration::ZERO).unwrap(), Before::StillThere);
    sent.note(7, &marks(70)).unwrap();
    sent.note(8, &marks(81)).unwrap();
    assert_eq!(before(dir.path(), Duration::ZERO).unwrap(), Before::StillThere);
    drop(sent);
    assert_eq!(before(dir.path(), LONG).unwrap(), up_to(8, 81));
}

#[test]
fn one_that_noted_nothing_says_nothing() {
    let dir = dir();
    drop(Sent::open(dir.path(), LONG).unwrap());
    assert_eq!(before(dir.path(), LONG).unwrap(), Before::Nothing);
}

#[test]
fn a_process_that_ends_is_waited_for() {
    let dir = dir();
    let sent = Sent::open(dir.path(), LONG).unwrap();
    let waiting = {
        let path = dir.path().to_owned();
        thread::spawn(move || before(&path, LONG).unwrap())
    };
    sent.note(3, &marks(30)).unwrap();
    drop(sent);
    assert_eq!(waiting.join().unwrap(), up_to(3, 30));
}

#[test]
fn a_second_process_goes_on_where_the_first_ended_and_never_beside_it() {
    let dir = dir();
    let first = Sent::open(dir.path(), LONG).unwrap();
    first.note(4, &marks(40)).unwrap();
    let refused = Sent::open(dir.path(), Duration::ZERO).unwrap_err().to_string();
    assert!(refused.contains("another sender process"), "{refused}");
    drop(first);
    let second = Sent::open(dir.path(), LONG).unwrap();
    assert_eq!(second.taken(), 4);
    second.note(5, &marks(50)).unwrap();
    drop(second);
    assert_eq!(before(dir.path(), LONG).unwrap(), up_to(5, 50));
}

#[test]
fn a_process_that_was_not_waited_for_tells_the_next_one_nothing() {
    let dir = dir();
    let late = Sent::open(dir.path(), LONG).unwrap();
    remove(dir.path()).unwrap();
    let next = Sent::open(dir.path(), Duration::ZERO).unwrap();
    late.note(9, &marks(90)).unwrap();
    next.note(1, &marks(10)).unwrap();
    drop((late, next));
    assert_eq!(before(dir.path(), LONG).unwrap(), up_to(1, 10));
    remove(dir.path()).unwrap();
    remove(dir.path()).unwrap(); // nothing is there, which is no error
    assert_eq!(before(dir.path(), LONG).unwrap(), Before::Nothing);
}
