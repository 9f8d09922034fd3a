//! Text in which `*` stands for any text, also for none.

/// A text pattern. Everything but `*` stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wildcard(String);

impl Wildcard {
    pub(super) fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    pub(super) fn matches_all(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|c| c == b'*')
    }

    /// Takes the first place for each piece between stars, so it is linear in the text for every piece.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or("");
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        let Some(last) = pieces.next_back() else {
            return rest.is_empty();
        };
        for piece in pieces {
            let Some(at) = rest.find(piece) else {
                return false;
            };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last)
    }
}
