//! What all calls of a connection share, written once: names, processes and addresses of both ends are most of a line.

use std::sync::Arc;

use lanternfish_model::{ConnectionContext, Entry, EntryClass, Identity, Party, ProtocolIndex};

/// The texts of the connections written last.
#[derive(Debug, Default)]
pub(crate) struct SharedTexts {
    slots: Vec<Option<Box<SharedText>>>,
}

/// What the calls of one protocol between the same parties of a connection have in common, as written.
#[derive(Debug)]
pub(crate) struct SharedText {
    connection: Arc<ConnectionContext>,
    protocol: ProtocolIndex,
    src: Party,
    dst: Party,
    bytes: Vec<u8>,
    /// Where each part ends.
    ends: Vec<usize>,
}

impl Clone for SharedTexts {
    /// A writer of its own begins with none.
    fn clone(&self) -> Self {
        SharedTexts::default()
    }
}

impl SharedTexts {
    /// The text of an entry's connection, still to be written where it has no part yet. None for what is no call, and
    /// for the first call of a connection, which may be the only one.
    pub(crate) fn of(&mut self, entry: &Entry) -> Option<&mut SharedText> {
        if entry.class != EntryClass::Call || entry.index == 0 {
            return None;
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        let hash = entry.connection.facts.id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let slot = self.slots.get_mut(hash as usize % SLOTS)?;
        match slot {
            Some(text) if text.is_of(entry) => {}
            Some(text) => text.begin(entry),
            None => *slot = Some(Box::new(SharedText::new(entry))),
        }
        slot.as_deref_mut()
    }
}

impl SharedText {
    fn new(entry: &Entry) -> SharedText {
        SharedText {
            connection: Arc::clone(&entry.connection),
            protocol: entry.protocol,
            src: entry.src.clone(),
            dst: entry.dst.clone(),
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Begins anew for another connection or other parties, and keeps the room.
    fn begin(&mut self, entry: &Entry) {
        let (mut bytes, mut ends) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.ends));
        bytes.clear();
        ends.clear();
        *self = SharedText { bytes, ends, ..SharedText::new(entry) };
    }

    fn is_of(&self, entry: &Entry) -> bool {
        Arc::ptr_eq(&self.connection, &entry.connection)
            && self.protocol == entry.protocol
            && is_same(&self.src, &entry.src)
            && is_same(&self.dst, &entry.dst)
    }

    /// The part of this number, where it is written already.
    pub(crate) fn part(&self, number: usize) -> Option<&[u8]> {
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.bytes.get(start..end)
    }

    /// Adds the next part.
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
        self.ends.push(self.bytes.len());
    }
}

/// Whether two parties are one, by what they point to.
fn is_same(a: &Party, b: &Party) -> bool {
    let is_same_identity = match (&a.identity, &b.identity) {
        (Some(a), Some(b)) => Arc::<Identity>::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let is_same_name = match (&a.dns, &b.dns) {
        (Some(a), Some(b)) => Arc::<str>::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    a.endpoint == b.endpoint && is_same_identity && is_same_name
}

/// The connections whose texts are kept.
const SLOTS: usize = 1024;
