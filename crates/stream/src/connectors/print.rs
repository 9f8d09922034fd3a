//! A sink that writes records to the terminal.

use std::fmt::Display;
use std::io::{self, Write};

use crate::api::sink::{Sink, SinkWriter};
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;

/// One line per record on standard output or standard error; with several subtasks each line begins with the number of
/// its subtask, from 1. (Flink's `PrintSink`.)
#[derive(Clone, Debug, Default)]
pub struct PrintSink {
    to_stderr: bool,
    name: String,
}

impl PrintSink {
    /// To standard output.
    pub fn new() -> Self {
        Self::default()
    }

    /// To standard error.
    pub fn to_stderr() -> Self {
        Self {
            to_stderr: true,
            ..Self::default()
        }
    }

    /// Lines begin with this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

impl<T: Display> Sink<T> for PrintSink {
    type Writer = PrintWriter;

    fn writer(&self, context: &RuntimeContext) -> Result<PrintWriter> {
        let subtask = context.index_of_this_subtask() + 1;
        let prefix = match (self.name.as_str(), context.number_of_parallel_subtasks()) {
            ("", 1) => String::new(),
            ("", _) => format!("{subtask}> "),
            (name, 1) => format!("{name}> "),
            (name, _) => format!("{name}:{subtask}> "),
        };
        let out: Box<dyn Write + Send> = if self.to_stderr {
            Box::new(io::stderr())
        } else {
            Box::new(io::stdout())
        };
        Ok(PrintWriter {
            prefix,
            out,
            line: Vec::new(),
        })
    }
}

/// See [`PrintSink`].
pub struct PrintWriter {
    prefix: String,
    out: Box<dyn Write + Send>,
    line: Vec<u8>,
}

impl<T: Display> SinkWriter<T> for PrintWriter {
    type Committable = ();

    fn write(&mut self, record: T, _timestamp: Option<i64>) -> Result {
        self.line.clear();
        writeln!(self.line, "{}{record}", self.prefix)?;
        // In one piece: lines of other subtasks cannot come in between.
        self.out
            .write_all(&self.line)
            .map_err(|error| format!("cannot print: {error}").into())
    }
}

#[cfg(test)]
mod tests {
    use everspan_trace::MetricGroup;

    use super::*;

    #[test]
    fn a_line_says_its_subtask_where_there_are_several() {
        let job = RuntimeContext::of_job(group(), 0);
        let operator = crate::graph::Operator {
            name: "Print".into(),
            uid: "print".into(),
            has_own_uid: true,
        };
        for (name, parallelism, prefix) in [
            ("", 1, ""),
            ("", 2, "2> "),
            ("sum", 1, "sum> "),
            ("sum", 2, "sum:2> "),
        ] {
            let context = job.of_operator("Print", (parallelism - 1, parallelism), 128, &operator);
            let sink = PrintSink::new().named(name);
            let writer = Sink::<u64>::writer(&sink, &context).expect("printing needs nothing");
            assert_eq!(writer.prefix, prefix);
        }
    }

    fn group() -> MetricGroup {
        everspan_export::Reporters::new(Vec::new()).metric_group()
    }
}
