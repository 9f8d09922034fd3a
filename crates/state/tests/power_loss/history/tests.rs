use super::*;
use crate::trace::calls;

fn hex(text: &str) -> String {
    let digits: Vec<String> = text.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{}\"", digits.concat())
}

/// The history of a trace in which strings are readable.
fn history(lines: &[&str]) -> History {
    let mut trace = String::new();
    for line in lines {
        let parts = line.split('"').enumerate();
        let parts = parts.map(|(place, part)| {
            if place % 2 == 1 {
                hex(part)
            } else {
                part.to_owned()
            }
        });
        trace.extend(parts);
        trace.push('\n');
    }
    History::replay(&calls(&trace), "/root", &|_| true)
}

fn durable_at(history: &History) -> Vec<(usize, Option<usize>)> {
    let changes = history.changes.iter();
    changes.map(|change| (change.at, change.durable_at)).collect()
}

#[test]
fn an_fsync_covers_one_file_or_one_directory() {
    let history = history(&[
        r#"1 mkdir("/root/a", 0777) = 0"#,
        r#"1 openat(AT_FDCWD, "/root/a/b", O_WRONLY|O_CREAT, 0666) = 3"#,
        r#"1 write(3, "data", 4) = 4"#,
        r#"1 fsync(3) = 0"#,
        r#"1 openat(AT_FDCWD, "/root", O_RDONLY) = 4"#,
        r#"1 fsync(4) = 0"#,
        r#"1 openat(AT_FDCWD, "/root/a", O_RDONLY) = 5"#,
        r#"1 fdatasync(5) = -1 EIO (Input/output error)"#,
    ]);
    let expected = [(0, Some(5)), (1, None), (2, Some(3))];
    assert_eq!(durable_at(&history), expected);
}

#[test]
fn an_fsync_covers_what_was_complete_when_it_began() {
    let history = history(&[
        r#"1 openat(AT_FDCWD, "/root/b", O_WRONLY|O_CREAT, 0666) = 3"#,
        r#"1 write(3, "early", 5) = 5"#,
        r#"1 fsync(3 <unfinished ...>"#,
        r#"2 write(3, "late", 4) = 4"#,
        r#"1 <... fsync resumed>) = 0"#,
        r#"1 close(3 <unfinished ...>"#,
        r#"2 openat(AT_FDCWD, "/root/c", O_WRONLY|O_CREAT, 0666) = 3"#,
        r#"1 <... close resumed>) = 0"#,
        r#"2 write(3, "more", 4) = 4"#,
        r#"2 fsync(3) = 0"#,
    ]);
    let expected = [(0, None), (1, Some(4)), (3, None), (6, None), (8, Some(9))];
    assert_eq!(durable_at(&history), expected);
}

#[test]
fn a_promise_holds_as_soon_as_it_is_being_said() {
    let history = history(&[
        r#"1 write(1, "durable up to 7" <unfinished ...>"#,
        r#"2 mkdir("/root/a", 0777) = 0"#,
        r#"1 <... write resumed>, 15) = 15"#,
    ]);
    assert_eq!(history.promised(0), Some(7));
    assert_eq!(history.crash_points(), [0, 1]);
}

#[test]
#[should_panic(expected = "linkat is not modelled")]
fn a_call_the_model_does_not_know_is_refused() {
    history(&[r#"1 linkat(AT_FDCWD, "/root/a", AT_FDCWD, "/other/b", 0) = 0"#]);
}
