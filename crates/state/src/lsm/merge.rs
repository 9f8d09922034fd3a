//! The buffer laid over the tree, in key order.

use std::cmp::Ordering;
use std::iter::Peekable;

use bytes::Bytes;

use crate::StateError;

/// A row of the tree.
pub(super) type Row = Result<(Bytes, Bytes), StateError>;

/// Merges rows of the tree with newer entries of the buffer; deleted ones are left out.
pub(super) struct Merge<'a, T: Iterator<Item = Row>, B: Iterator<Item = (&'a [u8], Option<&'a Bytes>)>> {
    tree: Peekable<T>,
    buffer: Peekable<B>,
}

impl<'a, T, B> Merge<'a, T, B>
where
    T: Iterator<Item = Row>,
    B: Iterator<Item = (&'a [u8], Option<&'a Bytes>)>,
{
    pub(super) fn new(tree: T, buffer: B) -> Self {
        Self {
            tree: tree.peekable(),
            buffer: buffer.peekable(),
        }
    }
}

impl<'a, T, B> Iterator for Merge<'a, T, B>
where
    T: Iterator<Item = Row>,
    B: Iterator<Item = (&'a [u8], Option<&'a Bytes>)>,
{
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let order = match (self.tree.peek(), self.buffer.peek()) {
                (None, None) => return None,
                (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(Ok((key, _))), Some((newer, _))) => key.as_ref().cmp(newer),
            };
            if order == Ordering::Less {
                return self.tree.next();
            }
            if order == Ordering::Equal {
                // The buffer's entry is newer than the row.
                drop(self.tree.next());
            }
            if let Some((key, Some(value))) = self.buffer.next() {
                return Some(Ok((Bytes::copy_from_slice(key), value.clone())));
            }
        }
    }
}
