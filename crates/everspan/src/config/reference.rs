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
    ];
    let row = |kind: Kind| format!("- {}: {}\n", kind.placeholder().to_lowercase(), kind.form());
    explained.into_iter().map(row).collect()
}

const INTRODUCTION: &str = "# Configuration

Every key has up to three names: a TOML key, an environment variable and, for the main ones, a flag.
The first of these that gives a value decides:

1. the flag, `--ingress-bind-address 0.0.0.0:8080`
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

`everspan --dump-config` prints the effective configuration with the source of every value; it can be used as a file.
A key or variable that does not exist, or a value its key does not take, is an error: the message names it and where it
was given, and the process exits with code 2. Variables that container orchestrators set for a service named `everspan`
(`EVERSPAN_SERVICE_HOST`, `EVERSPAN_PORT_8080_TCP`, …) are ignored.

Keys that hold names and values take them as a TOML table, as one variable each (`EVERSPAN_TRACING_HEADERS__X_TENANT=blue`
is the header `x-tenant`), as one variable for all (`EVERSPAN_TRACING_HEADERS=\"x-tenant=blue,x-team=one\"`, values
percent-encoded), or by a repeated flag. Sources are merged name by name. Values of headers are never shown.

An empty value unsets a key that has no default: `EVERSPAN_TRACING_ENDPOINT=` switches off an endpoint set in the file.

Also accepted, below the `EVERSPAN_` variables: `RESTATE_TRACING_…` for the keys that begin with `tracing-`, then
`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.

Keys are read at start only. What they take:
";
