//! `everspan demo --exit`, as a newcomer runs it: a real server, a real service process, a real crash.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod child;
}

use std::net::TcpListener;
use std::process::Command;

use world::child::output;

fn demo(arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everspan"));
    command.arg("demo").args(arguments).env_remove("RUST_LOG");
    let output = output(&mut command);
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code(),
    )
}

/// The text of one numbered part of the story.
fn part<'a>(said: &'a str, title: &str) -> &'a str {
    let (_, rest) = said
        .split_once(title)
        .unwrap_or_else(|| panic!("no {title:?} in:\n{said}"));
    let next = ["\n2. ", "\n3. ", "\n4. "];
    let end = next.iter().filter_map(|next| rest.find(next)).min();
    &rest[..end.unwrap_or(rest.len())]
}

/// Asserts that the lines hold these texts in this order.
fn in_order(part: &str, texts: &[&str]) {
    let mut rest = part;
    for text in texts {
        rest = rest
            .split_once(text)
            .unwrap_or_else(|| panic!("{text:?} is missing, or not in its place, in:\n{part}"))
            .1;
    }
}

#[test]
fn the_demo_shows_a_call_retries_a_suspension_and_a_crash_and_leaves() {
    let (said, errors, code) = demo(&["--exit"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{said}");
    assert!(!said.contains('\x1b'), "no colors where there is no terminal");

    let greet = part(&said, "1. A call");
    assert!(greet.contains("Hello Ada, this is visit number 1"), "{greet}");
    in_order(
        greet,
        &[
            "ingress Greeter/greet",
            "└─ invocation-start Greeter/greet",
            "├─ invocation-attempt Greeter/greet",
            "#1 ✓ completed",
            "run \"choose a greeting\"",
            "invocation-start Counter/{key}/add",
            "invocation-attempt Counter/{key}/add",
            "invocation-end Counter/{key}/add",
            "└─ invocation-end Greeter/greet",
            "✓ success",
        ],
    );

    let flaky = part(&said, "2. A step that fails twice");
    in_order(
        flaky,
        &[
            "#1 ✗ retryable_error",
            "the mail server is busy, try 1",
            "waits for the retry",
            "#2 retry ✗ retryable_error",
            "the mail server is busy, try 2",
            "waits for the retry",
            "#3 retry ✓ completed",
            "✓ success",
        ],
    );

    let remind = part(&said, "3. A sleep");
    in_order(
        remind,
        &[
            "#1 ‖ suspended",
            "suspended, waits for Sleep",
            "suspended, holds no connection",
            "#2 resume ✓ completed",
            "✓ success",
        ],
    );

    let crash = part(&said, "4. A crash");
    in_order(
        crash,
        &[
            "kill -9 ",
            "#1 ✗ retryable_error",
            "run \"create the account\"",
            "run \"create the account\" ended: success",
            "run \"reserve a seat\"",
            "error",
            "waits for the retry",
            "retry ✓ completed",
            "✓ success",
        ],
    );
    assert_eq!(crash.matches("done by process").count(), 3, "{crash}");
    first_step_ran_in_the_killed_process_only(crash);
}

fn first_step_ran_in_the_killed_process_only(crash: &str) {
    let word_after = |text: &str| -> String {
        let rest = crash.split_once(text).unwrap().1;
        rest.split(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap()
            .to_owned()
    };
    let (killed, started) = (word_after("kill -9 "), word_after("started again as process "));
    assert_eq!(word_after("create the account: done by process "), killed);
    assert_eq!(word_after("reserve a seat: done by process "), started);
    assert_eq!(word_after("send the welcome: done by process "), started);
}

#[test]
fn a_port_in_use_ends_the_demo_with_a_clear_error() {
    // A base must not be above 65000.
    let mut listeners = std::iter::repeat_with(|| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let low = |listener: &TcpListener| listener.local_addr().unwrap().port() <= 65_000;
    let taken = listeners.find(low).unwrap();
    let port = taken.local_addr().unwrap().port();
    // The services take the third port.
    let (_, errors, code) = demo(&["--exit", "--port-base", &(port - 2).to_string()]);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains(&port.to_string()) && errors.contains("in use"),
        "{errors}"
    );
}
