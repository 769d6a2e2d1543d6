//! Writers of lists and maps into the values of a message.

use super::items::push_item;
use super::{Tag, Values};
use crate::FieldIndex;

/// Writes a list into the values of a message.
pub struct ListWriter<'a> {
    pub(super) values: &'a mut Values,
    pub(super) field: FieldIndex,
    pub(super) at: usize,
}

impl ListWriter<'_> {
    /// Adds an item.
    pub fn push(&mut self, item: &[u8]) {
        push_item(&mut self.values.arena, item);
    }

    /// Adds an item from formatting arguments.
    pub fn push_fmt(&mut self, arguments: std::fmt::Arguments<'_>) {
        let prefix = self.values.arena.len();
        self.values.arena.extend_from_slice(&[0; 4]);
        let _ = std::io::Write::write_fmt(&mut self.values.arena, arguments);
        let length = (self.values.arena.len() - prefix - 4) as u32;
        if let Some(slot) = self.values.arena.get_mut(prefix..prefix + 4) {
            slot.copy_from_slice(&length.to_le_bytes());
        }
    }

    /// Sets the list.
    pub fn finish(self) {
        self.finish_as(Tag::List);
    }

    fn finish_as(self, tag: Tag) {
        let length = (self.values.arena.len() - self.at) as u32;
        self.values.push(self.field, tag, length, self.at as u64);
    }
}

/// Writes a map into the values of a message.
pub struct MapWriter<'a>(pub(super) ListWriter<'a>);

impl MapWriter<'_> {
    /// Adds a pair.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.0.push(name);
        self.0.push(value);
    }

    /// Adds a pair with the name in lower case.
    pub fn push_lower(&mut self, name: &[u8], value: &[u8]) {
        let at = self.0.values.arena.len() + 4;
        self.0.values.arena.reserve(name.len().saturating_add(value.len()).saturating_add(8));
        self.0.push(name);
        if let Some(written) = self.0.values.arena.get_mut(at..) {
            lower_case(written);
        }
        self.0.push(value);
    }

    /// Sets the map.
    pub fn finish(self) {
        self.0.finish_as(Tag::Map);
    }
}

/// Makes ASCII letters lower case, eight at a time.
#[inline]
fn lower_case(text: &mut [u8]) {
    let (words, rest) = text.as_chunks_mut::<8>();
    for slot in words {
        let word = u64::from_le_bytes(*slot);
        // The highest bit of each byte that is a capital letter, moved to the bit that makes the case.
        let low = word & 0x7f7f_7f7f_7f7f_7f7f;
        let from_a = low + 0x3f3f_3f3f_3f3f_3f3f;
        let past_z = low + 0x2525_2525_2525_2525;
        let capitals = from_a & !past_z & !word & 0x8080_8080_8080_8080;
        *slot = (word | capitals >> 2).to_le_bytes();
    }
    rest.make_ascii_lowercase();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_is_that_of_the_standard_library() {
        for byte in 0..=255u8 {
            for length in 0..20 {
                let text: Vec<u8> = (0..length).map(|at| byte.wrapping_add(at * 13)).collect();
                let mut lower = text.clone();
                lower_case(&mut lower);
                assert_eq!(lower, text.to_ascii_lowercase());
            }
        }
    }
}
