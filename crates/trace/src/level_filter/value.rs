//! What a directive asks of an attribute's value.

use std::fmt::Write;

use regex_lite::Regex;

use crate::Value;

/// The value that a field must have.
#[derive(Clone, Debug)]
pub(super) enum FieldValue {
    /// Whatever it is.
    Any,
    /// A number, or an expression for the text; the number is tried first.
    Is { text: String, expression: Regex },
}

impl PartialEq for FieldValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any) => true,
            (Self::Is { text, .. }, Self::Is { text: other, .. }) => text == other,
            _ => false,
        }
    }
}

impl FieldValue {
    /// A value as it stands in a directive, without quotes. The error says what is wrong with the expression.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // Checked alone first: `a)|(b` is wrong, though it would be right between parentheses.
        let alone = Regex::new(text);
        let whole = alone.and_then(|_| Regex::new(&format!("^(?:{text})$")));
        let expression = whole.map_err(|error| error.to_string())?;
        Ok(Self::Is {
            text: text.to_owned(),
            expression,
        })
    }

    pub(super) fn matches(&self, value: &Value) -> bool {
        let Self::Is { text, expression } = self else {
            return true;
        };
        match value {
            Value::Str(value) => value == text || expression.is_match(value),
            Value::Bool(truth) => text.parse() == Ok(*truth),
            Value::Double(number) => text.parse() == Ok(*number),
            Value::Int(number) => {
                let mut digits = String::new();
                let written = write!(digits, "{number}");
                written.is_ok() && (digits == *text || expression.is_match(&digits))
            }
        }
    }
}
