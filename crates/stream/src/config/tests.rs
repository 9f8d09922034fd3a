use std::path::Path;
use std::time::Duration;

use super::{Configuration, Key, Layers, table};

fn checked(toml: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Configuration, String> {
    let mut layers = Layers::default();
    let env = variables.iter().map(|(name, value)| (name.into(), value.into()));
    let laid = layers
        .toml(toml, Path::new("job.toml"))
        .and_then(|()| layers.variables(env))
        .and_then(|()| flags.iter().try_for_each(|(key, text)| layers.flag(key, text)));
    laid.and_then(|()| Configuration::check(layers))
        .map_err(|error| error.to_string())
}

#[test]
fn every_default_is_a_value_that_its_key_takes() {
    for Key {
        name, kind, default, ..
    } in table::KEYS
    {
        if let Some(default) = default {
            assert_eq!(kind.check(default), Ok(()), "{name}");
        }
    }
}

#[test]
fn a_flag_wins_over_a_variable_which_wins_over_the_file_which_wins_over_the_default() {
    let toml = "[execution.checkpointing]\ndir = 'a'\ninterval = '1s'\ntimeout = '1m'\n";
    let variables = [
        ("EVERSPAN_JOB_EXECUTION__CHECKPOINTING__TIMEOUT", "2 min"),
        ("EVERSPAN_JOB_EXECUTION__CHECKPOINTING__DIR", "b"),
        ("EVERSPAN_TRACING_ENDPOINT", "is the server's"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "is another's"),
    ];
    let configuration = checked(toml, &variables, &[("execution.checkpointing.dir", "c")]).unwrap();
    for (key, expected) in [
        ("execution.checkpointing.interval", Some(Duration::from_secs(1))),
        ("execution.checkpointing.timeout", Some(Duration::from_secs(120))),
        ("execution.checkpointing.min-pause", Some(Duration::ZERO)),
    ] {
        assert_eq!(configuration.duration(key), expected, "{key}");
    }
    assert_eq!(configuration.text("execution.checkpointing.dir"), Some("c"));
    assert!(!configuration.is_given("rest.port"));
}

/// What is told of a file, a variable, or a flag.
#[derive(Clone, Copy)]
enum Mistake {
    File(&'static str),
    Variable(&'static str, &'static str),
    Flag(&'static str, &'static str),
}

const MISTAKES: &[(Mistake, &str)] = &[
    (
        Mistake::File("\nparallelism.default = 0"),
        "bad value parallelism.default = \"0\" (job.toml line 2): expected a whole number from 1 to 32768",
    ),
    (
        Mistake::File("[execution]\ncheckpointing.intervall = 1"),
        "unknown key execution.checkpointing.intervall (job.toml line 2); did you mean execution.checkpointing.interval?",
    ),
    (
        Mistake::File("parallelism = 3"),
        "unknown key parallelism (job.toml line 1); --help lists the known ones",
    ),
    (
        Mistake::File("rest.port = [[1]]"),
        "bad value rest.port = \"a list\" (job.toml line 1): expected a text, a number, true, false, or a list of texts",
    ),
    (
        Mistake::Variable("EVERSPAN_JOB_PARALELISM__DEFAULT", "3"),
        "unknown key EVERSPAN_JOB_PARALELISM__DEFAULT (variable EVERSPAN_JOB_PARALELISM__DEFAULT); did you mean \
         EVERSPAN_JOB_PARALLELISM__DEFAULT?",
    ),
    (
        Mistake::Flag("execution.checkpointing.timeout", "10"),
        "bad value execution.checkpointing.timeout = \"10\" (flag -D): expected a duration with its unit, such as 500ms, \
         10s, 1m, 1d or PT10S",
    ),
    (
        Mistake::Flag("execution.checkpointing.mode", "exactly"),
        "bad value execution.checkpointing.mode = \"exactly\" (flag -D): expected EXACTLY_ONCE or AT_LEAST_ONCE",
    ),
    (
        Mistake::Flag("execution.state-recovery.path", "latest"),
        "bad value execution.state-recovery.path = \"latest\" (flag -D): expected newest or none, or the number of a \
         checkpoint or savepoint",
    ),
    (
        Mistake::Flag("execution.checkpointing.interval", "1s"),
        "execution.checkpointing.dir is missing: execution.checkpointing.interval = \"1s\" (flag -D) needs a place for \
         checkpoints",
    ),
    (
        Mistake::File("[traces.reporter.mine]\nendpoint = 'http://localhost'"),
        "traces.reporter.mine.factory is missing: a reporter needs a factory: otlp, jaeger-file, log",
    ),
    (
        Mistake::File(
            "traces.reporters = ['otlp', 'other']\n[traces.reporter.otlp]\nendpoint = 'http://localhost'",
        ),
        "bad value traces.reporters = \"other\" (job.toml line 1): no reporter has this name; configured are otlp",
    ),
    (
        Mistake::File("traces.reporter.Mine.factory = 'log'"),
        "bad value traces.reporter = \"Mine\" (job.toml line 1): the name of a reporter is 1 to 64 lower-case letters, \
         digits and dashes",
    ),
];

#[test]
fn a_mistake_is_told_with_key_value_and_place() {
    for (mistake, message) in MISTAKES {
        let refused = match *mistake {
            Mistake::File(toml) => checked(toml, &[], &[]),
            Mistake::Variable(name, value) => checked("", &[(name, value)], &[]),
            Mistake::Flag(key, value) => checked("", &[], &[(key, value)]),
        };
        assert_eq!(refused.unwrap_err(), *message);
    }
}

#[test]
fn reporters_are_on_unless_others_are_named_and_keep_their_parameters() {
    let toml = "traces.reporters = 'files'\n\
                [traces.reporter.files]\nfactory = 'jaeger-file'\npath = 'x'\nfilter.includes = ['a:*', 'b']\n\
                [traces.reporter.log]\n[traces.reporter.otlp]\nendpoint = 'http://localhost:4317'\n";
    let set = checked(toml, &[], &[]).unwrap().reporters().unwrap();
    assert_eq!(set.off, ["otlp"]);
    let [files] = set.on.as_slice() else {
        panic!("{set:?}")
    };
    assert_eq!(
        (files.name.as_str(), files.factory.as_str()),
        ("files", "jaeger-file")
    );
    assert_eq!(files.parameters["filter.includes"], "a:*;b");
    let all = checked(&toml.replace("traces.reporters = 'files'\n", ""), &[], &[]);
    assert_eq!(all.unwrap().reporters().unwrap().on.len(), 2);
}
