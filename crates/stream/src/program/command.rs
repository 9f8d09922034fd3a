//! The flags of a program, for clap.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::parameters::Declared;
use crate::config::{ConfigError, KEYS, Key, Layers};

const CONFIG_FILE: &str = "config-file";
const SET: &str = "set";

/// Flags that stand for one key each: long, short, key.
const SHORTHANDS: [(&str, char, &str); 2] = [
    ("parallelism", 'p', "parallelism.default"),
    ("from-savepoint", 's', "execution.state-recovery.path"),
];

pub(super) fn command(name: &'static str, about: &'static str, parameters: &[Declared]) -> Command {
    let file = Arg::new(CONFIG_FILE)
        .short('c')
        .long(CONFIG_FILE)
        .value_name("PATH")
        .value_parser(clap::value_parser!(PathBuf))
        .help("TOML file with any of the keys [env: EVERSPAN_JOB_CONFIG_FILE]");
    let set = Arg::new(SET)
        .short('D')
        .value_name("KEY=VALUE")
        .action(ArgAction::Append)
        .value_parser(pair)
        .help("Any key [repeatable]");
    let shorthands = SHORTHANDS.iter().map(|&(long, short, key)| {
        Arg::new(long)
            .short(short)
            .long(long)
            .value_name("N")
            .help(format!("Short for -D {key}=N"))
    });
    let own = parameters.iter().map(|of| {
        let arg = Arg::new(of.name).long(of.name).value_name("VALUE").help(of.help);
        match of.default {
            Some(default) => arg.default_value(default),
            None => arg.required(true),
        }
    });
    Command::new(name)
        .about(about)
        .args(own)
        .next_help_heading("Configuration")
        .args([file, set])
        .args(shorthands)
        .after_help(keys_help())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn keys_help() -> String {
    let lines: Vec<String> = KEYS.iter().map(key_help).collect();
    format!(
        "Configuration keys (flag -D KEY=VALUE, TOML, or variable EVERSPAN_JOB_KEY with __ for dots and _ for dashes):\n{}\
         \n  traces.reporter.NAME.factory=otlp|jaeger-file|log, and the reporter's own keys below the same name\n\
         \nOTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say who reports, as in every OpenTelemetry program.",
        lines.concat()
    )
}

fn key_help(key: &Key) -> String {
    let default = key.default.map(|default| format!(" [default: {default}]"));
    let (name, placeholder) = (key.name, key.kind.placeholder());
    format!(
        "  {name}={placeholder}{}\n      {}\n",
        default.unwrap_or_default(),
        key.help
    )
}

/// Puts the file, the variables and the flags over what the program says.
pub(super) fn lay(
    layers: &mut Layers,
    matches: &ArgMatches,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), ConfigError> {
    let file = matches.get_one::<PathBuf>(CONFIG_FILE).cloned();
    layers.file_and_variables(file, variables)?;
    for (key, value) in matches.get_many::<(String, String)>(SET).into_iter().flatten() {
        layers.flag(key, value)?;
    }
    for (long, _, key) in SHORTHANDS {
        if let Some(value) = matches.get_one::<String>(long) {
            layers.flag(key, value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_key_and_the_flags_do_not_contradict_each_other() {
        let own = [Declared {
            name: "input",
            default: None,
            help: "A file",
        }];
        let mut command = command("job", "Does something.", &own);
        command.clone().debug_assert();
        let help = command.render_long_help().to_string();
        for key in KEYS {
            assert!(help.contains(key.name), "{}", key.name);
        }
        assert!(help.contains("--input <VALUE>"), "{help}");
    }
}
