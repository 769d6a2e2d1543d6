//! The queries of one connection that wait for their response: what a response alone does not tell.
//!
//! The table is small and forgets: it only adds to what entries say, and pairing itself does not depend on it save for
//! responses that do not repeat their question.

/// A query.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query {
    /// Its identifier.
    pub id: u16,
    /// Its length, 0 for an empty slot.
    pub length: u16,
    /// The folded hash of its question.
    pub question: u16,
    /// Whether it asks for a zone, so that several responses may follow (RFC 5936, RFC 1995).
    pub is_transfer: bool,
    /// Whether a response came.
    pub is_answered: bool,
}

/// The queries, by identifier.
#[derive(Debug, Default)]
pub struct Waiting {
    /// The only slot of most connections.
    first: Query,
    /// More slots, by the low bits of the identifier; a power of two, at most [`MAX_SLOTS`].
    slots: Vec<Query>,
}

impl Waiting {
    /// Bytes of memory held beside the struct itself.
    pub fn footprint_bytes(&self) -> usize {
        self.slots.capacity().saturating_mul(size_of::<Query>())
    }

    /// Adds a query; one with another identifier in its slot is forgotten once the table has its full size.
    pub fn add(&mut self, query: Query) {
        if self.slots.is_empty() {
            if self.first.length == 0 || self.first.is_answered || self.first.id == query.id {
                self.first = query;
                return;
            }
            self.slots = vec![Query::default(); MIN_SLOTS];
            let first = self.first;
            self.put(first);
        }
        while !self.put(query) {
            if self.slots.len() >= MAX_SLOTS {
                self.replace(query);
                return;
            }
            let known = std::mem::take(&mut self.slots);
            self.slots = vec![Query::default(); known.len().saturating_mul(4)];
            for query in known {
                self.put(query);
            }
        }
    }

    /// The query of an identifier.
    pub fn find(&mut self, id: u16) -> Option<&mut Query> {
        let slot = match self.slots.is_empty() {
            true => &mut self.first,
            false => self.slot(id)?,
        };
        if slot.length > 0 && slot.id == id { Some(slot) } else { None }
    }

    fn put(&mut self, query: Query) -> bool {
        let Some(slot) = self.slot(query.id) else { return false };
        let is_free = slot.length == 0 || slot.is_answered || slot.id == query.id;
        if is_free {
            *slot = query;
        }
        is_free
    }

    fn replace(&mut self, query: Query) {
        if let Some(slot) = self.slot(query.id) {
            *slot = query;
        }
    }

    fn slot(&mut self, id: u16) -> Option<&mut Query> {
        let mask = self.slots.len().saturating_sub(1);
        self.slots.get_mut(usize::from(id) & mask)
    }
}

/// The slots that a table begins with.
const MIN_SLOTS: usize = 8;
/// The most slots of a table.
const MAX_SLOTS: usize = 512;
