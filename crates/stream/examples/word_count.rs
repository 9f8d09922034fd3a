//! Counts the words of text files.
//!
//! ```sh
//! cargo run -p everspan-stream --example word_count -- --input README.md --output /tmp/counts
//! cat /tmp/counts/part-*
//! ```
//!
//! Each line of the output is a word and how often it has come up to then. With
//! `-D execution.checkpointing.dir=/tmp/checkpoints -D execution.checkpointing.interval=1s` the job can be killed at any
//! moment and started again: every line is there once.

use std::process::ExitCode;

use everspan_stream::{FileSink, JobProgram, Parameters, Result, StreamExecutionEnvironment};

fn main() -> ExitCode {
    program().run(build)
}

pub(crate) fn program() -> JobProgram {
    JobProgram::new("word-count", "Counts the words of text files.")
        .parameter("input", "A text file, or a directory of them")
        .parameter_or("output", "word-counts", "Directory of the counts")
}

pub(crate) fn build(env: &StreamExecutionEnvironment, parameters: &Parameters) -> Result {
    env.read_text_file(parameters.get("input"))
        .uid("lines")
        .flat_map(words)
        .key_by(String::clone)
        .map_with_state("count", |_word, count: &mut u64, word| {
            *count += 1;
            format!("{word} {count}")
        })
        .uid("counts")
        .sink_to_as(FileSink::text_lines(parameters.get("output")), "files");
    Ok(())
}

/// The words of a line, in lower case.
fn words(line: String) -> Vec<String> {
    line.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}
