//! What is written to the terminal: in one piece, with colors where they are wanted, never a control character
//! that came from elsewhere.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

const WIDTH_DEFAULT: usize = 110;
const WIDTH_MIN: usize = 60;

/// Colors, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    /// Colors if stdout is a terminal and the user has not said no.
    pub(crate) fn for_stdout(refused: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(!refused && !no_color && io::stdout().is_terminal())
    }

    /// No colors.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self(false)
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: impl Display) -> String {
        self.with("2", text)
    }

    pub(crate) fn red(self, text: impl Display) -> String {
        self.with("31", text)
    }

    pub(crate) fn green(self, text: impl Display) -> String {
        self.with("32", text)
    }

    pub(crate) fn yellow(self, text: impl Display) -> String {
        self.with("33", text)
    }

    pub(crate) fn cyan(self, text: impl Display) -> String {
        self.with("36", text)
    }

    fn with(self, code: &str, text: impl Display) -> String {
        let text = text.to_string();
        if self.0 && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text
        }
    }
}

/// Writes the text to stdout. A reader that has left (`everspan … | head`) is no error.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Columns of the terminal; a fair number when stdout is none.
pub(crate) fn width() -> usize {
    terminal_width().unwrap_or(WIDTH_DEFAULT).max(WIDTH_MIN)
}

/// Columns of the terminal, if stdout is one.
pub(crate) fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// The first line of a text, control characters replaced: it may come from a service.
pub(crate) fn one_line(text: &str) -> String {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    line.trim()
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// The text, cut to `max` characters with an ellipsis as the last one.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A duration of `ns` in three digits or so: `850 µs`, `1.2 ms`, `24 ms`, `1.51 s`, `3 min 4 s`.
pub(crate) fn duration(ns: u64) -> String {
    let (us, ms) = (ns / 1_000, ns / 1_000_000);
    #[allow(clippy::cast_precision_loss, reason = "a few digits are shown")]
    let (us_f, ms_f) = (ns as f64 / 1e3, ns as f64 / 1e6);
    match ms {
        0 if us == 0 => "0 ms".to_owned(),
        0 => format!("{us_f:.0} µs"),
        1..=9 => format!("{ms_f:.1} ms"),
        10..=999 => format!("{ms} ms"),
        1_000..=59_999 => format!("{:.2} s", ms_f / 1e3),
        60_000..=3_599_999 => format!("{} min {} s", ms / 60_000, ms / 1_000 % 60),
        3_600_000..=86_399_999 => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
        _ => format!("{} d {} h", ms / 86_400_000, ms / 3_600_000 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (ns, text) in [
            (0, "0 ms"),
            (850_000, "850 µs"),
            (1_240_000, "1.2 ms"),
            (24_900_000, "24 ms"),
            (1_512_000_000, "1.51 s"),
            (184_000_000_000, "3 min 4 s"),
            (7_260_000_000_000, "2 h 1 min"),
            (90_000_000_000_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(one_line("\n  boom \x1b[2J\nat main.rs"), "boom \u{fffd}[2J");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }

    #[test]
    fn without_colors_the_text_is_the_text() {
        assert_eq!(Paint::plain().red("x"), "x");
        assert_eq!(Paint(true).red("x"), "\x1b[31mx\x1b[0m");
    }
}
