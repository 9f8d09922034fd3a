//! `docs/CONFIGURATION.md`, written from the key table. `EVERSPAN_BLESS=1 cargo test` rewrites it.

use std::fmt::Write;
use std::path::Path;

use crate::config::key::{Key, Section};
use crate::config::table;
use crate::config::value::Kind;

#[test]
fn the_reference_lists_the_keys_of_this_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CONFIGURATION.md");
    let wanted = reference();
    if std::env::var_os("EVERSPAN_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/CONFIGURATION.md is out of date: run EVERSPAN_BLESS=1 cargo test -p everspan"
    );
}

fn reference() -> String {
    let mut out = format!("{INTRODUCTION}\n{}", forms());
    for section in table::SECTIONS {
        write_section(&mut out, section);
    }
    writeln!(out, "\n{REPORTERS}").unwrap();
    for section in table::REPORTERS {
        write_section(&mut out, section);
    }
    out
}

fn write_section(out: &mut String, section: &Section) {
    writeln!(out, "\n## {}\n", section.title).unwrap();
    writeln!(out, "| key | default | takes | meaning |\n|---|---|---|---|").unwrap();
    for key in section.keys {
        let default = key.default.map_or("–".to_owned(), |text| format!("`{text}`"));
        writeln!(
            out,
            "| {} | {default} | {} | {} |",
            names(key),
            takes(key),
            key.help
        )
        .unwrap();
    }
}

fn names(key: &Key) -> String {
    let mut names = format!("`{}`<br>`{}`", key.name, key.variable());
    if key.kind.is_map() {
        names.push_str("`__NAME`");
        names = names.replace("``__NAME`", "__NAME`");
    }
    if let Some(flag) = key.flag {
        write!(names, "<br>`--{flag}`").unwrap();
    }
    names
}

/// What the key takes, in short; the forms are explained once, in the introduction.
fn takes(key: &Key) -> String {
    let form = match key.kind {
        Kind::Choice(choices) => choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect::<Vec<_>>()
            .join(" or "),
        Kind::Limit => "number or `unlimited`".to_owned(),
        kind => kind.placeholder().to_lowercase(),
    };
    match key.range {
        Some((least, most)) => format!("{form}, {least} to {most}"),
        None => form,
    }
}

fn forms() -> String {
    let explained = [
        Kind::Duration,
        Kind::Size,
        Kind::Address,
        Kind::Endpoint,
        Kind::Sampler,
        Kind::Filter,
        Kind::Keep,
        Kind::Patterns,
    ];
    let row = |kind: Kind| format!("- {}: {}\n", kind.placeholder().to_lowercase(), kind.form());
    explained.into_iter().map(row).collect()
}

const INTRODUCTION: &str = "# Configuration

Every key has up to three names: a TOML key, an environment variable and, for the main ones, a flag.
The first of these that gives a value decides:

1. the flag, `--ingress-bind-address 0.0.0.0:8080`, or `--set ingress.bind-address=0.0.0.0:8080`
2. the variable, `EVERSPAN_INGRESS__BIND_ADDRESS=0.0.0.0:8080`: the key in upper case, `-` written `_`, tables joined by `__`
3. the file named by `--config-file` (`-c`) or `EVERSPAN_CONFIG_FILE`
4. the default

```toml
base-dir = \"/var/lib/everspan\"

[ingress]
bind-address = \"0.0.0.0:8080\"

[worker.invoker]
inactivity-timeout = \"1m\"

[tracing-headers]
authorization = \"Bearer …\"
```

A key without a flag of its own is set on the command line with `--set KEY=VALUE`, for example
`--set worker.mailbox-max=100` or `--set traces.reporter.files.path=/var/log/traces`.

`everspan --dump-config` prints the effective configuration with the source of every value; it can be used as a file.
A key or variable that does not exist, or a value its key does not take, is an error: the message names it and where it
was given, and the process exits with code 2. Variables that container orchestrators set for a service named `everspan`
(`EVERSPAN_SERVICE_HOST`, `EVERSPAN_PORT_8080_TCP`, …) are ignored.

Keys that hold names and values take them as a TOML table, as one variable each (`EVERSPAN_TRACING_HEADERS__X_TENANT=blue`
is the header `x-tenant`), as one variable for all (`EVERSPAN_TRACING_HEADERS=\"x-tenant=blue,x-team=one\"`, values
percent-encoded), or by a repeated flag. Sources are merged name by name. Values of headers are never shown.
Keys that hold a list take a TOML array, or one text: names with commas between them, patterns with semicolons.

An empty value unsets a key that has no default: `EVERSPAN_TRACING_ENDPOINT=` switches off an endpoint set in the file.

Also accepted, below the `EVERSPAN_` variables: `RESTATE_TRACING_…` for the keys that begin with `tracing-`, and below them
the variables that OpenTelemetry defines for every program:

| variable | stands for |
|---|---|
| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | `tracing-service-name`, `tracing-resource-attributes` |
| `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `tracing-sampler` |
| `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_PROTOCOL`, `…_INSECURE` | `tracing-endpoint`; without a protocol it is `http/protobuf`, as OpenTelemetry asks. Counts only when no `otlp` reporter is configured under `[traces]` |
| `OTEL_EXPORTER_OTLP_HEADERS`, `…_CERTIFICATE`, `…_CLIENT_CERTIFICATE`, `…_CLIENT_KEY`, `…_COMPRESSION`, `…_TIMEOUT` | the `tracing-` key of that name; the time-out in milliseconds |
| the same as `OTEL_EXPORTER_OTLP_TRACES_…` | the same; it wins over the one without `TRACES`, and its endpoint is taken as it is |
| `OTEL_TRACES_EXPORTER` | `none`: the endpoint above counts for nothing; `otlp`: it is `localhost` when none is given |
| `OTEL_SDK_DISABLED` | `true`: the endpoint above counts for nothing |
| `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | `tracing-batch-delay` in milliseconds, `tracing-batch-max` |
| `OTEL_SPAN_EVENT_COUNT_LIMIT` | `tracing-events-max` |

Keys are read at start only. What they take:
";

const REPORTERS: &str = "## Reporters

Spans go to any number of reporters, each with a queue, a spool and counters of its own. The keys above are the short form
of up to three, named `otlp`, `otlp-runtime` and `jaeger-file`; others are declared under names of your own (lower-case
letters, digits and dashes):

```toml
[traces]
reporters = [\"collector\", \"files\"]     # unset: all that are configured

[traces.reporter.collector]
factory = \"otlp\"
endpoint = \"https://collector.example:4317\"
headers = { authorization = \"Bearer …\" }
filter.includes = [\"everspan.invocation:invocation-end\", \"org.apache.flink.*\"]
scope.variables.additional = { region = \"eu\" }

[traces.reporter.files]
factory = \"jaeger-file\"
path = \"/var/log/traces\"
```

In a variable the name stands in upper case, with `_` for `-`: `EVERSPAN_TRACES__REPORTER__COLLECTOR__ENDPOINT`. The factory
`log` has no keys of its own. Spans that wait on disk are in `<base-dir>/spool/<name>`.";
