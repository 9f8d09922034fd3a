//! What the command line accepts, by example.

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command, DemoArgs, DeploymentsCommand, InvocationsCommand};
use crate::config::{Config, FactoryConfig};

fn parse(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split_whitespace()).map(Cli::into_command)
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn no_command_means_server_and_both_take_the_same_flags() {
    for line in [
        "everspan --worker-threads 3 -c x.toml --tracing-endpoint http://h --tracing-headers a=1 --tracing-headers b=2 --dump-config",
        "everspan server --worker-threads=3 --config-file x.toml --set tracing-endpoint=http://h --tracing-headers a=1 --tracing-headers=b=2 --dump-config",
    ] {
        let Ok(Command::Server(mut args)) = parse(line) else {
            panic!("{line}")
        };
        assert!(args.dump_config);
        assert_eq!(args.config.config_file.take(), Some("x.toml".into()));
        let config = Config::load(&args.config, []).unwrap();
        assert_eq!(config.worker.threads, 3);
        let [reporter] = &config.tracing.reporters[..] else {
            panic!("{line}")
        };
        assert!(
            matches!(&reporter.factory, FactoryConfig::Otlp(otlp) if otlp.headers.0.len() == 2),
            "{line}"
        );
    }
}

#[test]
fn the_other_commands_are_told_apart() {
    let Ok(Command::Demo(demo)) = parse("everspan demo --exit --no-color --port-base 9000") else {
        panic!()
    };
    assert_eq!(
        demo,
        DemoArgs {
            exit: true,
            no_color: true,
            port_base: Some(9000)
        }
    );

    for line in [
        "everspan deployments register http://h:9080 --force --admin-url http://a:1",
        "everspan deployments --admin-url http://a:1 register --force http://h:9080",
    ] {
        let Ok(Command::Deployments(asked)) = parse(line) else {
            panic!("{line}")
        };
        assert_eq!(asked.admin.url, "http://a:1");
        assert_eq!(
            asked.command,
            DeploymentsCommand::Register {
                uri: "http://h:9080".to_owned(),
                force: true
            }
        );
    }

    let Ok(Command::Invocations(asked)) = parse("everspan invocations kill inv_1") else {
        panic!()
    };
    assert_eq!(
        asked.command,
        InvocationsCommand::Kill {
            id: "inv_1".to_owned()
        }
    );
}

#[test]
fn what_is_no_command_line_ends_with_code_2() {
    for line in [
        "everspan --no-such-flag",
        "everspan nosuchcommand",
        "everspan demo --port-base 0",
        "everspan deployments",
        "everspan invocations show",
        "everspan --base-dir /data demo",
    ] {
        assert_eq!(
            parse(line).err().map(|error| error.exit_code()),
            Some(2),
            "{line}"
        );
    }
}

#[test]
fn help_groups_the_flags_and_fits_a_terminal() {
    let help = Cli::command().term_width(100).render_help().to_string();
    for part in [
        "Commands:",
        "Configuration:",
        "Network:",
        "Tracing:",
        "Examples:",
        "EVERSPAN_WORKER__THREADS",
    ] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
    for line in help.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}
