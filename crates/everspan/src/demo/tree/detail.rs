//! What a span has to tell beside its name and time, in few words.

use everspan_trace::catalog::attr::{self, cause, outcome, result};
use everspan_trace::catalog::{self, event};

use super::ShownSpan;
use crate::demo::span::ShownEvent;
use crate::run::screen::{Paint, duration, one_line};

/// More events than this are not drawn one by one.
const EVENTS_MAX: usize = 40;

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Rest,
    Plain,
}

impl Tone {
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        match self {
            Self::Good => paint.green(text),
            Self::Bad => paint.red(text),
            Self::Rest => paint.yellow(text),
            Self::Plain => text.to_owned(),
        }
    }
}

/// A line below a span.
pub(super) struct Detail {
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl Detail {
    fn plain(text: String) -> Self {
        Self {
            text,
            tone: Tone::Plain,
        }
    }
}

/// Time between two attempts.
pub(super) struct Wait {
    pub(super) why: String,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

pub(super) fn is_attempt(span: &ShownSpan) -> bool {
    is(span, &catalog::ATTEMPT)
}

fn is(span: &ShownSpan, kind: &catalog::SpanDef) -> bool {
    span.name.split(' ').next() == Some(kind.prefix)
}

/// The wait between two attempts of one invocation, if there was one.
pub(super) fn wait(before: &ShownSpan, after: &ShownSpan) -> Option<Wait> {
    let id = attr::INVOCATION_ID.name;
    let same = is_attempt(after) && before.attribute(id) == after.attribute(id);
    if !same || after.start_ns <= before.end_ns {
        return None;
    }
    let why = match (
        before.attribute(attr::ATTEMPT_OUTCOME.name),
        after.attribute(attr::ATTEMPT_CAUSE.name),
    ) {
        (_, cause::RESTART) | (outcome::CRASHED, _) => "until the server was back",
        (outcome::SUSPENDED, _) => "suspended, holds no connection",
        (outcome::PAUSED, _) => "paused",
        (outcome::YIELDED, _) => "waits for its turn",
        _ => "waits for the retry",
    };
    Some(Wait {
        why: why.to_owned(),
        start_ns: before.end_ns,
        end_ns: after.start_ns,
    })
}

/// The last column: which attempt, how it ended.
pub(super) fn note(span: &ShownSpan) -> (String, Tone) {
    if is_attempt(span) {
        return attempt_note(span);
    }
    let status = span.attribute(attr::HTTP_RESPONSE_STATUS_CODE.name);
    if is(span, &catalog::INGRESS) && !status.is_empty() {
        return (
            status.to_owned(),
            if span.error.is_some() {
                Tone::Bad
            } else {
                Tone::Plain
            },
        );
    }
    match span.attribute(attr::INVOCATION_RESULT.name) {
        result::SUCCESS => ("✓ success".to_owned(), Tone::Good),
        result::FAILURE => ("✗ failure".to_owned(), Tone::Bad),
        _ if span.error.is_some() => ("✗ error".to_owned(), Tone::Bad),
        _ => (String::new(), Tone::Plain),
    }
}

fn attempt_note(span: &ShownSpan) -> (String, Tone) {
    let ended = span.attribute(attr::ATTEMPT_OUTCOME.name);
    let (mark, tone) = match ended {
        outcome::COMPLETED => ("✓", Tone::Good),
        outcome::SUSPENDED | outcome::YIELDED | outcome::PAUSED => ("‖", Tone::Rest),
        _ => ("✗", Tone::Bad),
    };
    let number = span.attribute(attr::ATTEMPT_NUMBER.name);
    let why = match span.attribute(attr::ATTEMPT_CAUSE.name) {
        cause::FIRST | "" => String::new(),
        cause => format!("{} ", one_line(cause)),
    };
    (
        format!("#{} {why}{mark} {}", one_line(number), one_line(ended)),
        tone,
    )
}

/// The events by time, each in a few words with its distance from the span's start.
pub(super) fn events(span: &ShownSpan) -> Vec<(u64, Detail)> {
    let mut told: Vec<(u64, Detail)> = span
        .events
        .iter()
        .filter_map(|event| Some((event.time_ns, words(event)?)))
        .map(|(time_ns, words)| {
            let since = duration(time_ns.saturating_sub(span.start_ns));
            let text = format!("{:>8}  {words}", format!("+{since}"));
            (time_ns, Detail::plain(text))
        })
        .collect();
    let surplus = told.len().saturating_sub(EVENTS_MAX);
    if surplus > 0 {
        let gap = Detail::plain(format!("{:>8}  {surplus} events not shown", "…"));
        let since_ns = told[0].0;
        told.splice(1..=surplus, [(since_ns, gap)]);
    }
    told
}

fn words(event: &ShownEvent) -> Option<String> {
    let told = |key: &str| {
        event
            .attributes
            .get(key)
            .map(|text| one_line(text))
            .unwrap_or_default()
    };
    match event.name.as_str() {
        event::NEW_COMMAND => Some(command(
            &told(attr::COMMAND_TYPE.name),
            [
                quoted(&told(attr::COMMAND_NAME.name)),
                told(attr::CALL_TARGET.name),
                quoted(&told(attr::STATE_KEY.name)),
            ],
        )),
        event::RUN_ENDED => {
            let name = quoted(&told(attr::RUN_NAME.name));
            let ended = told(attr::RUN_RESULT.name);
            Some(
                ["run", &name, "ended:", &ended]
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        }
        event::SUSPENDED => {
            let awaiting = told(attr::AWAITING.name);
            Some(if awaiting.is_empty() {
                "suspended".to_owned()
            } else {
                format!("suspended, waits for {awaiting}")
            })
        }
        event::YIELDED => Some("yielded".to_owned()),
        // It stands below as what the span ended with.
        event::EXCEPTION => None,
        other => Some(one_line(other)),
    }
}

/// `Command/GetEagerState` and its particulars: `get eager state "total"`.
fn command(ty: &str, particulars: [String; 3]) -> String {
    let mut text = String::new();
    for letter in ty.strip_prefix("Command/").unwrap_or(ty).chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    for particular in particulars.iter().filter(|text| !text.is_empty()) {
        text.push(' ');
        text.push_str(particular);
    }
    text
}

fn quoted(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("\"{text}\"")
    }
}

/// Error text, or where the time of the invocation went.
pub(super) fn ending(span: &ShownSpan) -> impl Iterator<Item = Detail> {
    let code = match span.attribute(attr::ERROR_CODE.name) {
        "" => span.attribute(attr::INVOCATION_ERROR_CODE.name),
        code => code,
    };
    let error = span.error.as_deref().map(|error| {
        let error = [one_line(code), one_line(error)].join(" ");
        Detail {
            text: format!("{:>8}  {}", "error", error.trim()),
            tone: Tone::Bad,
        }
    });
    error.into_iter().chain(time_spent(span).map(Detail::plain))
}

fn time_spent(span: &ShownSpan) -> Option<String> {
    let parts = [
        ("queued", attr::INVOCATION_QUEUED_MS.name),
        ("running", attr::INVOCATION_RUNNING_MS.name),
        ("suspended", attr::INVOCATION_SUSPENDED_MS.name),
        ("waiting for retries", attr::INVOCATION_BACKOFF_MS.name),
    ];
    let spent: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, key)| {
            let ms: f64 = span.attribute(key).parse().ok()?;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "shown with a few digits"
            )]
            let ns = (ms.max(0.0) * 1e6) as u64;
            (ns > 0).then(|| format!("{} {name}", duration(ns)))
        })
        .collect();
    (!spent.is_empty()).then(|| format!("{:>8}  {}", "time", spent.join(", ")))
}
