//! Lists and maps of texts: length-prefixed items, one after the other.

use super::{MAX_VALUE_BYTES, Value};

/// A list of texts in an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRef<'a>(pub(super) &'a [u8]);

/// A map of texts in an arena, in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRef<'a>(pub(super) &'a [u8]);

impl<'a> ListRef<'a> {
    /// The items; one that is not UTF-8 is given as bytes.
    pub fn iter(self) -> impl Iterator<Item = Value<'a>> {
        Items(self.0).map(text_or_bytes)
    }

    /// The items as bytes.
    pub fn iter_bytes(self) -> impl Iterator<Item = &'a [u8]> {
        Items(self.0)
    }

    /// How many items there are.
    pub fn len(self) -> usize {
        Items(self.0).count()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> MapRef<'a> {
    /// The pairs of name and value, in wire order.
    pub fn iter(self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> {
        self.iter_bytes().map(|(name, value)| (text_or_bytes(name), text_or_bytes(value)))
    }

    /// The pairs as bytes.
    pub fn iter_bytes(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut items = Items(self.0);
        std::iter::from_fn(move || Some((items.next()?, items.next()?)))
    }

    /// The first value of a name.
    pub fn find(self, name: &[u8], is_caseless: bool) -> Option<&'a [u8]> {
        self.iter_bytes()
            .find(|(n, _)| if is_caseless { n.eq_ignore_ascii_case(name) } else { *n == name })
            .map(|(_, value)| value)
    }

    /// How many pairs there are.
    pub fn len(self) -> usize {
        self.iter_bytes().count()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

fn text_or_bytes(bytes: &[u8]) -> Value<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(_) => Value::Bytes(bytes),
    }
}

/// Length-prefixed items.
pub(super) struct Items<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let (prefix, rest) = self.0.split_first_chunk::<4>()?;
        let (item, rest) = rest.split_at_checked(u32::from_le_bytes(*prefix) as usize)?;
        self.0 = rest;
        Some(item)
    }
}

/// Appends an item behind its length; one longer than the limit is cut.
pub(super) fn push_item(items: &mut Vec<u8>, item: &[u8]) {
    let item = item.get(..MAX_VALUE_BYTES).unwrap_or(item);
    items.extend_from_slice(&(item.len() as u32).to_le_bytes());
    items.extend_from_slice(item);
}

/// A list of texts that owns its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListBuffer(Vec<u8>);

impl ListBuffer {
    /// Adds an item.
    pub fn push(&mut self, item: &[u8]) {
        push_item(&mut self.0, item);
    }

    /// Forgets all items.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The list.
    pub fn as_list(&self) -> ListRef<'_> {
        ListRef(&self.0)
    }
}
