//! `deployments` and `invocations` against a running server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::process::{Said, ServerProcess, Services, run};

fn ask(server: &ServerProcess, arguments: &[&str]) -> Said {
    let mut all = arguments.to_vec();
    all.extend(["--admin-url", &server.admin]);
    run(&all)
}

/// Asks until the output holds `part`.
fn ask_until(server: &ServerProcess, arguments: &[&str], part: &str) -> String {
    for _ in 0..200 {
        let said = ask(server, arguments);
        if said.out.contains(part) {
            return said.out;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!(
        "{arguments:?} never said {part:?}: {}",
        ask(server, arguments).out
    );
}

/// `POST`s a JSON text and returns the invocation id of a send.
fn send(server: &ServerProcess, path: &str, body: &str) -> String {
    let host = server.ingress.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let id = answer.split_once("inv_").unwrap_or_else(|| panic!("{answer}")).1;
    let end = id.find(|c: char| !c.is_ascii_alphanumeric()).unwrap();
    format!("inv_{}", &id[..end])
}

#[test]
fn deployments_and_invocations_are_looked_at_and_ended_from_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data.path());
    let services = Services::start();

    assert!(
        ask(&server, &["deployments", "list"])
            .out
            .contains("no deployments")
    );
    assert!(
        ask(&server, &["invocations", "list"])
            .out
            .contains("no invocations")
    );
    deployments(&server, &services);
    let id = send(&server, "/Greeter/greet/send", "\"Ada\"");
    finished(&server, &id);
    let waiting = send(&server, "/Greeter/remind/send?delay=1h", "\"Ada\"");
    ended_early(&server, &waiting, "cancel");
    let waiting = send(&server, "/Greeter/remind/send?delay=1h", "\"Ada\"");
    ended_early(&server, &waiting, "kill");
    assert_eq!(services.leave(), Some(0));
}

fn deployments(server: &ServerProcess, services: &Services) {
    let said = ask(server, &["deployments", "register", &services.url]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out
            .contains("Counter (virtual object, revision 1): add, get"),
        "{}",
        said.out
    );
    let said = ask(server, &["deployments", "register", &services.url]);
    assert!(said.out.contains("known already"), "{}", said.out);
    let said = ask(server, &["deployments", "list"]);
    assert!(
        said.out.starts_with("ID ") && said.out.contains("Counter, Greeter"),
        "{}",
        said.out
    );

    let said = ask(server, &["deployments", "register", "http://127.0.0.1:1"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("127.0.0.1:1"), "{}", said.err);
}

fn finished(server: &ServerProcess, id: &str) {
    let shown = ask_until(server, &["invocations", "show", id], "completed, success");
    for part in [
        "target       Greeter/greet",
        "trace  ",
        "Command: Run \"choose a greeting\"",
        "Command: Output",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let list = ask(server, &["invocations", "list"]).out;
    let row = list.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(
        row.contains("Greeter/greet") && row.contains("completed"),
        "{list}"
    );
    let said = ask(server, &["invocations", "cancel", id]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("has completed"), "{}", said.err);
}

fn ended_early(server: &ServerProcess, id: &str, how: &str) {
    ask_until(server, &["invocations", "list"], id);
    let said = ask(server, &["invocations", how, id]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.starts_with(id), "{}", said.out);
    ask_until(server, &["invocations", "show", id], "completed, failure");
}

#[test]
fn an_id_that_is_none_is_refused_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data.path());
    for id in ["inv_nonsense", "../deployments", ""] {
        let said = ask(&server, &["invocations", "show", id]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{id}");
        assert!(said.err.starts_with("everspan: "), "{}", said.err);
    }
}
