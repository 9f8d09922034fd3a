//! One workload, once: `bench-streams --workload sum --parallelism 1 --events 10000000`. Prints one line of JSON.

mod arguments;
mod generators;
mod keeping;
mod result;
mod told;
mod windows;
mod words;
mod workloads;

use arguments::Arguments;

fn main() {
    let arguments = Arguments::parse(std::env::args().skip(1)).unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(2);
    });
    let done = match &arguments.keeping {
        Some(keeping) => keeping::run(&arguments, keeping),
        None => workloads::run(&arguments),
    };
    match done {
        Ok(line) => println!("{line}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
