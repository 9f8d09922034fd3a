use super::*;

fn check(status: &Status, attempt: u32, expected: Verdict) {
    assert_eq!(
        verdict(status, attempt),
        expected,
        "{status:?}, attempt {attempt}"
    );
}

fn wait(millis: u64) -> Verdict {
    Verdict::Retry(Some(Duration::from_millis(millis)))
}

fn asking_for(code: Code, seconds: i64, nanos: i32) -> Status {
    let info = RetryInfo {
        retry_delay: Some(ProtoDuration { seconds, nanos }),
    };
    let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
    let details = RpcStatus {
        details: vec![Any {
            type_url,
            value: info.encode_to_vec(),
        }],
    };
    Status::with_details(code, "later", details.encode_to_vec().into())
}

#[test]
fn a_collector_may_say_when_to_come_back() {
    check(
        &asking_for(Code::ResourceExhausted, 1, 500_000_000),
        100,
        wait(1500),
    );
    check(&asking_for(Code::Unavailable, 0, 7_000_000), 5, wait(7));
    check(
        &asking_for(Code::Unavailable, 1_000_000, 0),
        1,
        wait(1_000_000_000),
    );
    check(&asking_for(Code::Unavailable, -1, 0), 1, Verdict::Retry(None));
}

#[test]
fn what_cannot_succeed_is_given_up() {
    for code in [
        Code::InvalidArgument,
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::Unimplemented,
    ] {
        check(&Status::new(code, "no"), 1, Verdict::GiveUp);
    }
    check(&asking_for(Code::InvalidArgument, 1, 0), 1, Verdict::GiveUp);
    check(&Status::resource_exhausted("too large?"), 7, Verdict::Retry(None));
    check(&Status::resource_exhausted("too large"), 8, Verdict::GiveUp);
    check(&Status::out_of_range("too large"), 8, Verdict::GiveUp);
}

#[test]
fn a_broken_connection_is_no_answer() {
    let broken = Status::from_error(Box::new(std::io::Error::other("connection reset")));
    check(&broken, 1, Verdict::Retry(None));
}
