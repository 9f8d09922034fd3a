//! How far spans reach, per source of records.

/// Says that every span of the records of `source` up to number `upto` has been pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Where the records stand: the number of a partition.
    pub source: u16,
    /// The last of them.
    pub upto: u64,
}

/// One mark per source, sorted by source; the higher one wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(Vec<Mark>);

impl Marks {
    /// Takes over a mark, unless a higher one is known; whether it was taken over.
    pub(crate) fn raise(&mut self, mark: Mark) -> bool {
        match self.find(mark.source) {
            Ok(index) if self.0[index].upto >= mark.upto => return false,
            Ok(index) => self.0[index].upto = mark.upto,
            Err(index) => self.0.insert(index, mark),
        }
        true
    }

    pub(crate) fn raise_all(&mut self, marks: &[Mark]) {
        for mark in marks {
            self.raise(*mark);
        }
    }

    /// Lowers the mark of this source to at most `mark.upto`; a source that is not known gets it.
    pub(crate) fn cap(&mut self, mark: Mark) {
        match self.find(mark.source) {
            Ok(index) => self.0[index].upto = self.0[index].upto.min(mark.upto),
            Err(index) => self.0.insert(index, mark),
        }
    }

    pub(crate) fn of(&self, source: u16) -> Option<u64> {
        self.find(source).ok().map(|index| self.0[index].upto)
    }

    pub(crate) fn as_slice(&self) -> &[Mark] {
        &self.0
    }

    fn find(&self, source: u16) -> Result<usize, usize> {
        self.0.binary_search_by_key(&source, |mark| mark.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_mark_wins_and_a_cap_lowers_it() {
        let mark = |source, upto| Mark { source, upto };
        let mut marks = Marks::default();
        assert!(marks.raise(mark(7, 5)));
        assert!(marks.raise(mark(2, 9)));
        assert!(!marks.raise(mark(7, 5)), "nothing new");
        assert!(!marks.raise(mark(7, 4)));
        assert!(marks.raise(mark(7, 6)));
        assert_eq!(marks.as_slice(), [mark(2, 9), mark(7, 6)]);
        marks.cap(mark(2, 3));
        marks.cap(mark(7, 100));
        marks.cap(mark(1, 1));
        assert_eq!(marks.as_slice(), [mark(1, 1), mark(2, 3), mark(7, 6)]);
        assert_eq!((marks.of(2), marks.of(3)), (Some(3), None));
    }
}
