//! What strace wrote, as a list of system calls. Strings are expected in hexadecimal (`-xx`), so that a comma, a
//! parenthesis or a quote always belongs to the call and never to data.

use std::collections::BTreeMap;

/// One system call that returned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// Arguments as strace prints them.
    pub(crate) args: Vec<String>,
    /// What it returned; negative: it failed.
    pub(crate) result: i64,
    /// Line of the trace in which it began. Another thread's calls may come in between.
    pub(crate) began: usize,
    /// Line of the trace in which it returned.
    pub(crate) ended: usize,
}

impl Call {
    /// The number in argument `place`.
    pub(crate) fn number(&self, place: usize) -> i64 {
        let text = &self.args[place];
        text.parse()
            .unwrap_or_else(|_| panic!("line {}: {text:?} is not a number", self.ended))
    }

    /// All bytes of the strings in argument `place`: one string, or the parts of a vectored write.
    pub(crate) fn bytes(&self, place: usize) -> Vec<u8> {
        let text = &self.args[place];
        assert!(
            !text.contains("\"..."),
            "line {}: the data is cut off",
            self.ended
        );
        text.split('"').skip(1).step_by(2).flat_map(unescape).collect()
    }

    /// The path in argument `place`.
    pub(crate) fn path(&self, place: usize) -> String {
        String::from_utf8(self.bytes(place)).unwrap()
    }
}

/// The calls of `trace` in the order in which they returned.
pub(crate) fn calls(trace: &str) -> Vec<Call> {
    let mut unfinished: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (line, text) in trace.lines().enumerate() {
        let (thread, text) = text.split_once(' ').unwrap_or((text, ""));
        let text = text.trim_start();
        if text.starts_with("+++") || text.starts_with("---") {
            continue;
        }
        if let Some(first) = text.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, (line, first));
        } else if let Some(rest) = text.strip_prefix("<... ") {
            let (_, rest) = rest.split_once(" resumed>").unwrap();
            let (began, first) = unfinished.remove(thread).unwrap();
            calls.extend(call(&format!("{first}{rest}"), began, line));
        } else {
            calls.extend(call(text, line, line));
        }
    }
    calls
}

/// `None` for a call that never returned.
fn call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (call, result) = text
        .rsplit_once(" = ")
        .unwrap_or_else(|| panic!("line {ended} is not a call: {text:?}"));
    let (name, args) = call.trim_end().strip_suffix(')')?.split_once('(')?;
    let result = result.split(' ').next()?;
    Some(Call {
        name: name.to_owned(),
        args: arguments(args),
        result: number(result)?,
        began,
        ended,
    })
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Splits at the commas that are not inside brackets.
fn arguments(text: &str) -> Vec<String> {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for char in text.chars() {
        match char {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            _ => {}
        }
        if char == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("it starts with one").push(char);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in text.split("\\x").skip(1) {
        bytes.push(u8::from_str_radix(part, 16).expect("strace -xx prints two digits for each byte"));
    }
    bytes
}

#[test]
fn calls_of_two_threads_are_put_together_again() {
    let trace = r#"7 openat(AT_FDCWD, "\x2f\x61", O_RDONLY|O_CLOEXEC) = 3
8 writev(4, [{iov_base="\x61\x62", iov_len=2}, {iov_base="\x63", iov_len=1}], 2 <unfinished ...>
7 fsync(3)                          = -1 EIO (Input/output error)
8 <... writev resumed>)             = 3
8 exit_group(0)                     = ?
7 +++ exited with 0 +++
"#;
    let calls = calls(trace);
    let summary: Vec<_> = calls
        .iter()
        .map(|call| (call.name.as_str(), call.result, call.began, call.ended))
        .collect();
    assert_eq!(
        summary,
        [("openat", 3, 0, 0), ("fsync", -1, 2, 2), ("writev", 3, 1, 3)]
    );
    assert_eq!(calls[0].path(1), "/a");
    assert_eq!(calls[2].bytes(1), b"abc");
}
