//! Text of a span: static, owned, or shared with other spans.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The text of a name or an attribute. Whoever builds many spans about one thing shares the text between them:
/// cloning a shared text copies a pointer. Two texts are equal when they read the same, however they are held.
#[derive(Clone)]
pub enum Text {
    /// A constant.
    Static(&'static str),
    /// Of this span alone.
    Owned(String),
    /// Of several spans.
    Shared(Arc<str>),
}

impl Text {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Owned(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Static("")
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl From<Cow<'static, str>> for Text {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Static(text),
            Cow::Owned(text) => Self::Owned(text),
        }
    }
}

impl From<Text> for Cow<'static, str> {
    fn from(text: Text) -> Self {
        match text {
            Text::Static(text) => Cow::Borrowed(text),
            Text::Owned(text) => Cow::Owned(text),
            Text::Shared(text) => Cow::Owned(text.to_string()),
        }
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_however_it_is_held() {
        let (owned, shared) = (Text::from("a b".to_owned()), Text::from(Arc::from("a b")));
        for text in [&owned, &shared, &Text::from("a b"), &Cow::Borrowed("a b").into()] {
            assert_eq!(*text, owned);
            assert_eq!(format!("{text} {text:?}"), "a b \"a b\"");
        }
        assert_ne!(shared, Text::default());
    }
}
