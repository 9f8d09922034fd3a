//! The `--flags` of the key table, for clap.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::config::key::Key;
use crate::config::name_values::split_pair;
use crate::config::table;
use crate::config::value::Kind;

/// The configuration given on the command line, unchecked.
#[derive(Clone, Default)]
pub struct ConfigFlags {
    /// The configuration file; the variable `EVERSPAN_CONFIG_FILE` names it, too.
    pub config_file: Option<PathBuf>,
    given: Vec<(&'static Key, String)>,
    set: Vec<(String, String)>,
}

const CONFIG_FILE: &str = "config-file";
const SET: &str = "set";

impl ConfigFlags {
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static Key, &String)> {
        self.given.iter().map(|(key, text)| (*key, text))
    }

    /// What `--set` was given: names of keys, and their values.
    pub(super) fn set(&self) -> &[(String, String)] {
        &self.set
    }

    /// Adds a flag as if it stood on the command line: `with("admin.bind-address", "127.0.0.1:0")`. A key without a flag
    /// of its own is set with `--set`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        match table::find(key).filter(|row| row.flag.is_some()) {
            Some(row) => self.given.push((row, value.into())),
            None => self.set.push((key.to_owned(), value.into())),
        }
        self
    }

    fn read(&mut self, matches: &ArgMatches) {
        if let Some(path) = matches.get_one::<PathBuf>(CONFIG_FILE) {
            self.config_file = Some(path.clone());
        }
        let set = matches.get_many::<(String, String)>(SET).into_iter().flatten();
        self.set.extend(set.cloned());
        for key in table::keys().filter(|key| key.flag.is_some()) {
            for text in matches.get_many::<String>(key.name).into_iter().flatten() {
                self.given.push((key, text.clone()));
            }
        }
    }
}

impl FromArgMatches for ConfigFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = ConfigFlags::default();
        flags.read(matches);
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.read(matches);
        Ok(())
    }
}

impl Args for ConfigFlags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(CONFIG_FILE)
            .short('c')
            .long(CONFIG_FILE)
            .value_name("PATH")
            .value_parser(clap::value_parser!(PathBuf))
            .help("TOML file with any of the keys [env: EVERSPAN_CONFIG_FILE]")
            .help_heading("Configuration");
        let set = Arg::new(SET)
            .long(SET)
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .value_parser(split_pair)
            .help("Any key, such as traces.reporter.NAME.endpoint=URL [repeatable]")
            .help_heading("Configuration");
        let flags = table::SECTIONS.iter().flat_map(|section| {
            let arg = |key: &'static Key| Some(arg(key, key.flag?).help_heading(section.title));
            section.keys.iter().filter_map(arg)
        });
        command.arg(file).arg(set).args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn arg(key: &'static Key, flag: &'static str) -> Arg {
    let action = if key.kind.is_map() {
        ArgAction::Append
    } else {
        ArgAction::Set
    };
    Arg::new(key.name)
        .long(flag)
        .value_name(key.kind.placeholder())
        .action(action)
        .help(help(key))
}

fn help(key: &Key) -> String {
    let mut help = key.help.trim_end_matches('.').to_owned();
    if let Kind::Choice(choices) = key.kind {
        help.push_str(&format!(" [{}]", choices.join("|")));
    }
    if let Some(default) = key.default {
        help.push_str(&format!(" [default: {default}]"));
    }
    if key.kind.is_map() {
        help.push_str(" [repeatable]");
    }
    if key.table() != "" {
        help.push_str(&format!(" [key: {}]", key.name));
    }
    help
}
