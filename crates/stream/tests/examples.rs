//! The examples do what they say.

#[expect(dead_code, reason = "the tests call what `main` calls")]
#[path = "../examples/fraud_detection.rs"]
mod fraud_detection;
#[expect(dead_code, reason = "the tests call what `main` calls")]
#[path = "../examples/rescale.rs"]
mod rescale;
#[expect(dead_code, reason = "the tests call what `main` calls")]
#[path = "../examples/word_count.rs"]
mod word_count;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use fraud_detection::Transaction;

/// Flags of a program: its name, those that every test gives, and `own`.
fn flags<'a>(own: impl IntoIterator<Item = &'a str>) -> Vec<OsString> {
    let all = ["job", "-D", "rest.port=0"].into_iter().chain(own);
    all.map(OsString::from).collect()
}

/// Lines of all files, sorted. What is left of a job that has ended is visible.
fn lines(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(dir).expect("the job has written") {
        let path = entry.expect("the directory stays").path();
        let name = path.file_name().expect("an entry has a name");
        assert!(name.as_encoded_bytes().starts_with(b"part-"), "{path:?}");
        let text = fs::read_to_string(&path).expect("a visible file is whole");
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.sort();
    lines
}

#[test]
fn words_are_counted_one_by_one_without_and_with_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("poem");
    fs::write(&text, "To be, or not to be\n").unwrap();
    let checkpoints = format!(
        "execution.checkpointing.dir={}",
        dir.path().join("checkpoints").display()
    );
    let configured: [&[&str]; 2] = [
        &[],
        &[
            "-p",
            "2",
            "-D",
            &checkpoints,
            "-D",
            "execution.checkpointing.interval=10ms",
        ],
    ];
    for (number, configured) in configured.iter().enumerate() {
        let output = dir.path().join(number.to_string());
        let own = [
            "--input",
            text.to_str().unwrap(),
            "--output",
            output.to_str().unwrap(),
        ];
        let flags = flags(own.into_iter().chain(configured.iter().copied()));
        word_count::program()
            .try_run(flags, [], word_count::build)
            .unwrap();
        assert_eq!(lines(&output), ["be 1", "be 2", "not 1", "or 1", "to 1", "to 2"]);
    }
}

#[test]
fn a_large_payment_within_a_minute_of_a_small_one_is_an_alert_and_a_span() {
    let dir = tempfile::tempdir().unwrap();
    let (output, traces) = (dir.path().join("alerts"), dir.path().join("traces"));
    let path = format!("traces.reporter.files.path={}", traces.display());
    let own = [
        "--transactions",
        "20000",
        "--output",
        output.to_str().unwrap(),
        "-p",
        "2",
        "-D",
        "traces.reporter.files.factory=jaeger-file",
        "-D",
        &path,
        "-D",
        "traces.reporter.files.filter.includes=examples::*",
    ];
    fraud_detection::program()
        .try_run(flags(own), [], fraud_detection::build)
        .unwrap();
    let alerts = lines(&output);
    assert_eq!(alerts, expected_alerts(20_000));
    assert!(alerts.len() > 3, "{alerts:?}");
    let spans: usize = fs::read_dir(&traces)
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .map(|text| text.matches("\"spanID\"").count())
        .sum();
    assert!(spans >= alerts.len(), "{spans} spans of {} alerts", alerts.len());
}

/// Worked out in the plain way, from the payments of each account in the order of their times.
fn expected_alerts(transactions: u64) -> Vec<String> {
    let mut small: BTreeMap<u64, i64> = BTreeMap::new();
    let mut alerts = Vec::new();
    for Transaction {
        account,
        time_ms,
        cents,
    } in (0..transactions).map(Transaction::number)
    {
        let before = small.remove(&account).filter(|at| time_ms - at < 60_000);
        if let Some(at) = before.filter(|_| cents >= 50_000) {
            alerts.push(format!(
                "account {account} paid {cents} cents {} ms after a small payment",
                time_ms - at
            ));
        }
        if cents < 100 {
            small.insert(account, time_ms);
        }
    }
    alerts.sort();
    alerts
}

#[test]
fn a_job_is_rescaled_twice_and_every_count_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    rescale::rescale(dir.path()).unwrap();
}

#[test]
fn mistakes_end_a_program_with_exit_code_2_and_help_with_0() {
    let refused = |own: &[&str]| {
        let error = word_count::program()
            .try_run(flags(own.iter().copied()), [], word_count::build)
            .unwrap_err();
        (error.exit_code(), error.to_string())
    };
    let (code, help) = refused(&["--help"]);
    assert_eq!(code, 0);
    assert!(
        help.contains("execution.checkpointing.interval=DURATION"),
        "{help}"
    );
    for (own, words) in [
        (&["--output", "x"][..], "--input <VALUE>"),
        (
            &["--input", "x", "-D", "parallelism.default=none"],
            "bad value parallelism.default = \"none\" (flag -D)",
        ),
        (
            &["--input", "x", "-p", "0"],
            "bad value parallelism.default = \"0\" (flag -D)",
        ),
        (
            &["--input", "x", "-D", "paralelism.default=1"],
            "unknown key paralelism.default (flag -D)",
        ),
        (
            &["--input", "x", "-c", "/nowhere"],
            "cannot read config-file = \"/nowhere\" (flag --config-file)",
        ),
        (
            &["--input", "x", "-D", "traces.reporter.otlp.endpoint=nowhere"],
            "reporter otlp: ",
        ),
        (
            &[
                "--input",
                "x",
                "-D",
                "traces.reporter.otlp.endpont=http://localhost:4317",
            ],
            "reporter otlp: unknown key `traces.reporter.otlp.endpont`",
        ),
        (
            &["--input", "x", "-D", "traces.reporter.mine.factory=own"],
            "reporter mine: bad value traces.reporter.mine.factory = \"own\": expected otlp, jaeger-file, log",
        ),
    ] {
        let (code, error) = refused(own);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_file_that_is_not_there_fails_the_job_at_once_with_exit_code_1_and_names_operator_and_subtask() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = format!("execution.checkpointing.dir={}", dir.path().display());
    // With checkpoints a job is restarted for ever, unless that cannot help.
    let given = ["--input", "/nowhere", "-D", &checkpoints];
    let error = word_count::program()
        .try_run(flags(given), [], word_count::build)
        .unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let words = "failed: operator `Source: Text /nowhere` (uid `lines`): cannot read /nowhere: No such file or directory";
    assert!(error.to_string().contains(words), "{error}");
}
