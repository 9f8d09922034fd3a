//! From text to directives.

use super::directive::{Directive, Field, Level};
use super::error::LevelFilterError;
use super::value::FieldValue;

pub(super) fn directives(text: &str) -> Result<Vec<Directive>, LevelFilterError> {
    let mut directives = Vec::new();
    for piece in split(text, ',').into_iter().map(str::trim) {
        // A comma too many does no harm, as in the log filter.
        if !piece.is_empty() {
            directives.push(Parser { whole: piece }.directive()?);
        }
    }
    if directives.is_empty() {
        return Err(LevelFilterError::Empty);
    }
    Ok(directives)
}

/// One directive, kept for the message of an error.
struct Parser<'a> {
    whole: &'a str,
}

impl<'a> Parser<'a> {
    fn directive(&self) -> Result<Directive, LevelFilterError> {
        let Some(open) = self.whole.find('[') else {
            return self.without_span();
        };
        let (target, rest) = (&self.whole[..open], &self.whole[open + 1..]);
        let Some(close) = find(rest, ']') else {
            return Err(self.syntax("`[` is not closed"));
        };
        let level = match rest[close + 1..].trim() {
            "" => Level::Takes,
            rest => match rest.strip_prefix('=') {
                Some(level) => self.level(level)?,
                None => return Err(self.syntax("after `]` only a level can follow")),
            },
        };
        let (span, fields) = self.span(rest[..close].trim())?;
        Ok(Directive {
            target: self.target(target)?,
            span,
            fields,
            level,
        })
    }

    /// `target=level`, `target` or `level`.
    fn without_span(&self) -> Result<Directive, LevelFilterError> {
        let (target, level) = match self.whole.split_once('=') {
            Some((target, level)) => (self.target(target)?, self.level(level)?),
            None => match Level::parse(self.whole) {
                Some(level) => (String::new(), level),
                None => (self.target(self.whole)?, Level::Takes),
            },
        };
        Ok(Directive {
            target,
            level,
            ..Directive::default()
        })
    }

    fn target(&self, text: &str) -> Result<String, LevelFilterError> {
        let text = text.trim();
        let is_allowed = |c: char| c.is_alphanumeric() || ":_-.$<>/".contains(c);
        if text.chars().all(is_allowed) {
            Ok(text.to_owned())
        } else {
            Err(self.syntax("a target is the beginning of a scope"))
        }
    }

    fn level(&self, text: &str) -> Result<Level, LevelFilterError> {
        match text.trim() {
            "" => Ok(Level::Takes),
            level => Level::parse(level).ok_or_else(|| LevelFilterError::UnknownLevel {
                directive: self.whole.to_owned(),
                level: level.to_owned(),
            }),
        }
    }

    /// What stands between the brackets. A name may have braces of its own (`ingress Counter/{key}/add`), so the
    /// fields are what the last ones enclose, at the end.
    fn span(&self, text: &'a str) -> Result<(Option<String>, Vec<Field>), LevelFilterError> {
        let (name, fields) = match text.strip_suffix('}') {
            Some(body) => match find_last(body, '{') {
                Some(open) => (&body[..open], self.fields(&body[open + 1..])?),
                None => return Err(self.syntax("`}` was not opened")),
            },
            None => (text, Vec::new()),
        };
        let name = unquoted(name.trim());
        if name.is_empty() && fields.is_empty() {
            return Err(self.syntax("the brackets name neither a span nor a field"));
        }
        Ok(((!name.is_empty()).then(|| name.to_owned()), fields))
    }

    fn fields(&self, text: &'a str) -> Result<Vec<Field>, LevelFilterError> {
        split(text, ',')
            .into_iter()
            .map(|field| self.field(field.trim()))
            .collect()
    }

    fn field(&self, text: &str) -> Result<Field, LevelFilterError> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key.trim(), Some(unquoted(value.trim()))),
            None => (text, None),
        };
        if key.is_empty() {
            return Err(self.syntax("a field has no name"));
        }
        let value = match value {
            None => FieldValue::Any,
            Some(value) => FieldValue::parse(value).map_err(|why| LevelFilterError::BadValue {
                directive: self.whole.to_owned(),
                value: value.to_owned(),
                why,
            })?,
        };
        Ok(Field {
            key: key.to_owned(),
            value,
        })
    }

    fn syntax(&self, why: &'static str) -> LevelFilterError {
        LevelFilterError::Syntax {
            directive: self.whole.to_owned(),
            why,
        }
    }
}

/// Without the double quotes around it, if there are some.
fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text)
}

/// The pieces between separators that stand neither in quotes nor in brackets or braces.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut pieces, mut start, mut depth, mut is_quoted) = (Vec::new(), 0, 0usize, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ if c == separator && depth == 0 => {
                pieces.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// The places of `wanted` that stand in no quotes.
fn places(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let mut is_quoted = false;
    text.char_indices().filter_map(move |(at, c)| {
        is_quoted ^= c == '"';
        (c == wanted && !is_quoted).then_some(at)
    })
}

fn find(text: &str, wanted: char) -> Option<usize> {
    places(text, wanted).next()
}

fn find_last(text: &str, wanted: char) -> Option<usize> {
    places(text, wanted).last()
}
