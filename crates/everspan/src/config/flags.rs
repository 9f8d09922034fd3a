//! The `--flags` of the key table, for clap.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::config::key::Key;
use crate::config::table;
use crate::config::value::Kind;

/// The configuration given on the command line, unchecked.
#[derive(Clone, Default)]
pub struct ConfigFlags {
    /// The configuration file; the variable `EVERSPAN_CONFIG_FILE` names it, too.
    pub config_file: Option<PathBuf>,
    given: Vec<(&'static Key, String)>,
}

const CONFIG_FILE: &str = "config-file";

impl ConfigFlags {
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static Key, &String)> {
        self.given.iter().map(|(key, text)| (*key, text))
    }

    /// Adds a flag as if it stood on the command line: `with("admin.bind-address", "127.0.0.1:0")`.
    ///
    /// # Panics
    /// When the key is not in the table.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        let row = table::find(key).expect("a flag is set for a key of the table");
        self.given.push((row, value.into()));
        self
    }

    fn read(&mut self, matches: &ArgMatches) {
        if let Some(path) = matches.get_one::<PathBuf>(CONFIG_FILE) {
            self.config_file = Some(path.clone());
        }
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
        let flags = table::SECTIONS.iter().flat_map(|section| {
            let arg = |key: &'static Key| Some(arg(key, key.flag?).help_heading(section.title));
            section.keys.iter().filter_map(arg)
        });
        command.arg(file).args(flags)
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
