use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::decode::arbitrary::{bare_span, batch};

/// Tells what it is asked to do; panics when the config says so.
struct Teller {
    said: Sender<String>,
    panics_at: Option<String>,
}

impl Teller {
    fn say(&self, what: &str) {
        self.said.send(what.to_owned()).unwrap();
        assert_ne!(self.panics_at.as_deref(), Some(what), "told to panic");
    }
}

impl TraceReporter for Teller {
    fn open(&mut self, config: &ReporterConfig) -> Result<(), ReporterError> {
        self.panics_at = config.get("panics-at").map(str::to_owned);
        self.say("open");
        config.only(&["panics-at"])
    }

    fn notify_of_added_span(&mut self, span: &Span) {
        self.say(&span.name);
    }

    fn close(&mut self) {
        self.say("close");
    }
}

fn teller(config: &ReporterConfig) -> (Result<Box<dyn Destination>, ExportError>, Receiver<String>) {
    let (said, heard) = channel();
    let reporter = Teller {
        said,
        panics_at: None,
    };
    (destination(Box::new(reporter), config), heard)
}

fn batch_of(names: &[&'static str]) -> Batch {
    let spans: Vec<Span> = names
        .iter()
        .map(|&name| Span {
            name: name.into(),
            ..bare_span(1, 1)
        })
        .collect();
    batch(&spans)
}

#[tokio::test]
async fn a_reporter_is_opened_notified_of_each_span_and_closed() {
    let (destination, heard) = teller(&ReporterConfig::new("mine"));
    let mut destination = destination.unwrap();
    assert_eq!(
        destination.deliver(&batch_of(&["a", "b"])).await,
        Delivery::taken()
    );
    assert_eq!(destination.deliver(&batch_of(&["c"])).await, Delivery::taken());
    destination.close();
    assert_eq!(
        heard.try_iter().collect::<Vec<_>>(),
        ["open", "a", "b", "c", "close"]
    );
}

#[tokio::test]
async fn a_reporter_that_panics_is_closed_and_what_it_missed_is_rejected() {
    let (destination, heard) = teller(&ReporterConfig::new("mine").with("panics-at", "b"));
    let mut destination = destination.unwrap();
    let Delivery::Taken {
        rejected: 2,
        message: Some(why),
    } = destination.deliver(&batch_of(&["a", "b", "c"])).await
    else {
        panic!("two spans of three did not arrive");
    };
    assert!(
        why.starts_with("it panicked: ") && why.contains("told to panic"),
        "{why}"
    );
    assert_eq!(
        destination.deliver(&batch_of(&["d"])).await,
        Delivery::Refused { why }
    );
    destination.close();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["open", "a", "b", "close"]);
}

#[tokio::test]
async fn a_panic_at_the_close_ends_nothing_else() {
    let (destination, heard) = teller(&ReporterConfig::new("mine").with("panics-at", "close"));
    let mut destination = destination.unwrap();
    destination.deliver(&batch_of(&["a"])).await;
    destination.close();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["open", "a", "close"]);
}

#[test]
fn a_reporter_that_does_not_open_is_an_error_that_names_it() {
    let config = ReporterConfig::new("mine");
    let cases = [
        (
            config.clone().with("panics-at", "open"),
            "trace reporter `mine`: it panicked: ",
        ),
        (
            config.with("colour", "red"),
            "trace reporter `mine`: unknown key `traces.reporter.mine.colour`",
        ),
    ];
    for (config, expected) in cases {
        let error = teller(&config)
            .0
            .map(|destination| destination.place())
            .unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
