use super::*;

struct Silent;

impl TraceReporter for Silent {
    fn open(&mut self, _: &ReporterConfig) -> Result<(), ReporterError> {
        Ok(())
    }
    fn notify_of_added_span(&mut self, _: &Span) {}
    fn close(&mut self) {}
}

fn config() -> ReporterConfig {
    ReporterConfig::new("mine")
        .with("n", "7")
        .with("headers.a", "1")
        .with("headers.b", "2")
        .with("headersman", "3")
}

fn check_error<T>(result: Result<T, ReporterError>, message: &str) {
    assert_eq!(
        result.err().map(|error| error.to_string()).as_deref(),
        Some(message)
    );
}

#[test]
fn factories_make_what_was_registered_and_name_what_they_know() {
    let mut factories = Factories::default();
    check_error(
        factories.make("log"),
        "unknown reporter factory `log`: use none, there are no others",
    );
    for name in ["otlp", "log"] {
        factories.register(name, || Box::new(Silent)).unwrap();
    }
    factories.make("log").unwrap().open(&config()).unwrap();
    check_error(
        factories.make("otpl"),
        "unknown reporter factory `otpl`: use log, otlp",
    );
    check_error(
        factories.register("log", || Box::new(Silent)),
        "a reporter factory `log` is registered already",
    );
}

#[test]
fn parameters_are_read_by_their_keys_below_the_reporter() {
    let config = config();
    assert_eq!(config.get("n"), Some("7"));
    assert_eq!(config.parsed::<u32>("n", "a whole number").unwrap(), Some(7));
    assert_eq!(config.parsed::<u32>("m", "a whole number").unwrap(), None);
    let entries: Vec<_> = config.entries("headers").collect();
    assert_eq!(entries, [("a", "1"), ("b", "2")]);
}

#[test]
fn a_mistake_names_the_whole_key_and_the_value() {
    let config = config();
    check_error(
        config.required("endpoint"),
        "`traces.reporter.mine.endpoint` must be set",
    );
    check_error(
        config.parsed::<bool>("n", "true or false"),
        "`traces.reporter.mine.n` is `7`, expected true or false",
    );
    check_error(
        config.only(&["n", "headers"]),
        "unknown key `traces.reporter.mine.headersman`: use n, headers",
    );
    config.only(&["n", "headers", "headersman"]).unwrap();
}
