//! What a request asks for, read from its method and path.

use everspan_protocol::ids::{AwakeableId, FIRST_AWAKEABLE_SIGNAL, InvocationId};
use http::{Method, Uri};

use super::answer::Failed;
use super::path::{decode_key, segments};

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Is the ingress up?
    Health,
    /// Run a handler.
    Call(CallRoute),
    /// The result of an invocation.
    Result(ResultRoute),
    /// Complete an awakeable.
    Awakeable(AwakeableRoute),
}

/// A handler to run; whether the service has keys is not known yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CallRoute {
    pub(super) service: String,
    /// Not decoded segments between service and verb: `[handler]` or `[key, handler]`.
    pub(super) rest: Vec<String>,
    pub(super) one_way: bool,
    pub(super) delay: Option<String>,
}

/// A result asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ResultRoute {
    pub(super) of: ResultOf,
    pub(super) verb: Verb,
}

/// Whose result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ResultOf {
    Id(InvocationId),
    Idempotent {
        service: String,
        key: Option<String>,
        handler: String,
        idempotency_key: String,
    },
    Workflow {
        name: String,
        key: String,
    },
    /// The body says.
    Body,
}

/// How a result is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Attach,
    Output,
    Lookup,
}

/// An awakeable to complete.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AwakeableRoute {
    pub(super) id: AwakeableId,
    pub(super) reject: bool,
}

/// Reads method and path.
pub(super) fn parse(method: &Method, uri: &Uri) -> Result<Route, Failed> {
    let path = segments(uri.path());
    if path.first() == Some(&"restate") {
        return own(method, uri, &path[1..]);
    }
    let one_way = path.len() > 2 && path.last() == Some(&"send");
    let end = path.len() - usize::from(one_way);
    call(method, uri, &path[..end], one_way)
}

/// Whether a path that could not be read was meant to invoke a handler.
pub(super) fn asks_for_invocation(uri: &Uri) -> bool {
    match segments(uri.path()).as_slice() {
        ["restate", verb, ..] => matches!(*verb, "call" | "send" | "scope"),
        _ => true,
    }
}

fn own(method: &Method, uri: &Uri, path: &[&str]) -> Result<Route, Failed> {
    match path {
        ["health"] => Ok(Route::Health),
        ["call", rest @ ..] => call(method, uri, rest, false),
        ["send", rest @ ..] => call(method, uri, rest, true),
        ["scope", ..] => Err(Failed::new(400, "scopes are not supported by this version")),
        ["awakeables" | "a", id, verb @ ("resolve" | "reject")] => awakeable(method, id, *verb == "reject"),
        ["invocation", of @ .., verb] => result(method, invocation(of)?, verb),
        ["workflow", name, key, verb] => {
            let key = decode_key(key)?;
            let name = (*name).to_owned();
            result(method, ResultOf::Workflow { name, key }, verb)
        }
        [verb @ ("attach" | "output"), id] => result(method, ResultOf::Id(invocation_id(id)?), verb),
        [verb @ ("attach" | "output" | "lookup")] => {
            require_post(method)?;
            result(method, ResultOf::Body, verb)
        }
        _ => Err(Failed::new(404, format!("there is nothing at {}", uri.path()))),
    }
}

fn call(method: &Method, uri: &Uri, path: &[&str], one_way: bool) -> Result<Route, Failed> {
    let [service, rest @ ..] = path else {
        return Err(depth(uri));
    };
    if service.is_empty() || !(1..=2).contains(&rest.len()) {
        return Err(depth(uri));
    }
    if method != Method::GET && method != Method::POST {
        return Err(Failed::new(
            405,
            format!("{method} does not invoke a handler, POST or GET do"),
        ));
    }
    Ok(Route::Call(CallRoute {
        service: (*service).to_owned(),
        rest: rest.iter().map(|&segment| segment.to_owned()).collect(),
        one_way,
        delay: query(uri, "delay"),
    }))
}

fn depth(uri: &Uri) -> Failed {
    let path = uri.path();
    Failed::new(
        400,
        format!("bad path {path}: expected /Service/handler or /Object/key/handler, perhaps with /send"),
    )
}

fn awakeable(method: &Method, id: &str, reject: bool) -> Result<Route, Failed> {
    require_post(method)?;
    let parsed: AwakeableId = id
        .parse()
        .map_err(|error| Failed::new(400, format!("bad awakeable id {id}: {error}")))?;
    if parsed.signal < FIRST_AWAKEABLE_SIGNAL {
        return Err(Failed::new(
            400,
            format!("bad awakeable id {id}: it names no awakeable"),
        ));
    }
    Ok(Route::Awakeable(AwakeableRoute { id: parsed, reject }))
}

fn invocation(of: &[&str]) -> Result<ResultOf, Failed> {
    match of {
        [id] => Ok(ResultOf::Id(invocation_id(id)?)),
        [service, handler, idempotency_key] => Ok(ResultOf::Idempotent {
            service: (*service).to_owned(),
            key: None,
            handler: (*handler).to_owned(),
            idempotency_key: decode_key(idempotency_key)?,
        }),
        [service, key, handler, idempotency_key] => Ok(ResultOf::Idempotent {
            service: (*service).to_owned(),
            key: Some(decode_key(key)?),
            handler: (*handler).to_owned(),
            idempotency_key: decode_key(idempotency_key)?,
        }),
        _ => Err(Failed::new(
            400,
            "bad path: expected /restate/invocation/ID/attach or …/output",
        )),
    }
}

fn result(method: &Method, of: ResultOf, verb: &str) -> Result<Route, Failed> {
    if method != Method::GET && method != Method::POST {
        return Err(Failed::new(405, format!("{method} is not allowed here, GET is")));
    }
    let verb = match verb {
        "attach" => Verb::Attach,
        "output" => Verb::Output,
        "lookup" => Verb::Lookup,
        _ => {
            return Err(Failed::new(
                400,
                format!("bad path: expected attach or output at its end, not {verb}"),
            ));
        }
    };
    Ok(Route::Result(ResultRoute { of, verb }))
}

pub(super) fn invocation_id(text: &str) -> Result<InvocationId, Failed> {
    text.parse()
        .map_err(|error| Failed::new(400, format!("bad invocation id {text}: {error}")))
}

fn require_post(method: &Method) -> Result<(), Failed> {
    if method == Method::POST {
        return Ok(());
    }
    Err(Failed::new(405, format!("{method} is not allowed here, POST is")))
}

/// A parameter of the query, `+` read as a blank.
fn query(uri: &Uri, name: &str) -> Option<String> {
    let pair = uri
        .query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let text = pair?.replace('+', " ");
    Some(
        percent_encoding::percent_decode_str(&text)
            .decode_utf8_lossy()
            .into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, uri: &str) -> Result<Route, u16> {
        let method = method.parse().unwrap();
        parse(&method, &uri.parse().unwrap()).map_err(|failed| failed.response().status().as_u16())
    }

    fn call(service: &str, rest: &[&str], one_way: bool, delay: Option<&str>) -> Result<Route, u16> {
        Ok(Route::Call(CallRoute {
            service: service.to_owned(),
            rest: rest.iter().map(|&segment| segment.to_owned()).collect(),
            one_way,
            delay: delay.map(str::to_owned),
        }))
    }

    #[test]
    fn paths_that_invoke() {
        let cases = [
            ("/Greeter/greet", call("Greeter", &["greet"], false, None)),
            (
                "/Counter/k%2F1/add",
                call("Counter", &["k%2F1", "add"], false, None),
            ),
            (
                "/Greeter/greet/send?delay=10s",
                call("Greeter", &["greet"], true, Some("10s")),
            ),
            (
                "/Counter/k/add/send?a=b&delay=60+sec",
                call("Counter", &["k", "add"], true, Some("60 sec")),
            ),
            (
                "/restate/call/Counter/k/add",
                call("Counter", &["k", "add"], false, None),
            ),
            (
                "/restate/send/Greeter/greet",
                call("Greeter", &["greet"], true, None),
            ),
            ("/Greeter/send", call("Greeter", &["send"], false, None)),
            ("/Greeter", Err(400)),
            ("/", Err(400)),
            ("/a/b/c/d/e", Err(400)),
            ("/restate/scope/s/call/Greeter/greet", Err(400)),
            ("/restate/nothing", Err(404)),
        ];
        for (path, expected) in cases {
            assert_eq!(route("POST", path), expected, "{path}");
        }
        assert_eq!(route("PUT", "/Greeter/greet"), Err(405));
    }

    #[test]
    fn a_request_that_invokes_nothing_is_told_apart() {
        let cases = [
            ("/Greeter", true),
            ("/restate/call/Greeter", true),
            ("/restate/nothing", false),
            ("/restate/invocation/nonsense/attach", false),
        ];
        for (path, expected) in cases {
            assert_eq!(asks_for_invocation(&path.parse().unwrap()), expected, "{path}");
        }
    }

    #[test]
    fn paths_that_ask_for_results() {
        let id = "inv_15Wax0tkZdwB5gIFlDKpBv4GTOb8FYfw1R";
        let by_id = |verb| {
            Ok(Route::Result(ResultRoute {
                of: ResultOf::Id(id.parse().unwrap()),
                verb,
            }))
        };
        assert_eq!(
            route("GET", &format!("/restate/invocation/{id}/attach")),
            by_id(Verb::Attach)
        );
        assert_eq!(
            route("GET", &format!("/restate/output/{id}")),
            by_id(Verb::Output)
        );
        let of = ResultOf::Idempotent {
            service: "Counter".into(),
            key: Some("k".into()),
            handler: "add".into(),
            idempotency_key: "a b".into(),
        };
        let expected = Ok(Route::Result(ResultRoute {
            of,
            verb: Verb::Output,
        }));
        assert_eq!(
            route("GET", "/restate/invocation/Counter/k/add/a%20b/output"),
            expected
        );
        assert_eq!(route("GET", "/restate/invocation/nonsense/attach"), Err(400));
        assert_eq!(route("GET", "/restate/lookup"), Err(405));
        assert_eq!(
            route("DELETE", &format!("/restate/invocation/{id}/output")),
            Err(405)
        );
    }

    #[test]
    fn an_awakeable_id_that_names_another_signal_is_refused() {
        let id = AwakeableId {
            invocation: InvocationId::from_parts(1, [2; 16]),
            signal: 1,
        };
        assert_eq!(
            route("POST", &format!("/restate/awakeables/{id}/resolve")),
            Err(400)
        );
        let id = AwakeableId { signal: 17, ..id };
        let expected = Ok(Route::Awakeable(AwakeableRoute { id, reject: true }));
        assert_eq!(route("POST", &format!("/restate/a/{id}/reject")), expected);
    }
}
