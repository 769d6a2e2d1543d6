//! Doubly linked lists over the indexes of a slab: each index is on one list at most, and every step takes constant time.

/// Some lists.
pub(crate) struct Lists {
    nodes: Vec<Node>,
    ends: Vec<(u32, u32)>,
    lengths: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Node {
    previous: u32,
    next: u32,
    list: u32,
}

impl Lists {
    /// Makes `count` empty lists.
    pub(crate) fn new(count: usize) -> Self {
        Lists { nodes: Vec::new(), ends: vec![(NONE, NONE); count], lengths: vec![0; count] }
    }

    /// How many indexes are on a list.
    pub(crate) fn length(&self, list: u32) -> usize {
        self.lengths.get(list as usize).copied().unwrap_or(0)
    }

    /// Puts an index at the end of a list; it must not be on one.
    pub(crate) fn push(&mut self, list: u32, index: u32) {
        if self.nodes.len() <= index as usize {
            self.nodes.resize(index as usize + 1, Node { previous: NONE, next: NONE, list: NONE });
        }
        let Some((first, last)) = self.ends.get_mut(list as usize) else { return };
        let previous = *last;
        *last = index;
        if previous == NONE {
            *first = index;
        } else if let Some(node) = self.nodes.get_mut(previous as usize) {
            node.next = index;
        }
        if let Some(node) = self.nodes.get_mut(index as usize) {
            *node = Node { previous, next: NONE, list };
        }
        if let Some(length) = self.lengths.get_mut(list as usize) {
            *length = length.saturating_add(1);
        }
    }

    /// Takes an index off its list, where it is on one.
    pub(crate) fn remove(&mut self, index: u32) {
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        let Node { previous, next, list } = *node;
        node.list = NONE;
        if let Some(length) = self.lengths.get_mut(list as usize) {
            *length = length.saturating_sub(1);
        }
        let Some((first, last)) = self.ends.get_mut(list as usize) else { return };
        if previous == NONE {
            *first = next;
        } else if let Some(node) = self.nodes.get_mut(previous as usize) {
            node.next = next;
        }
        if next == NONE {
            *last = previous;
        } else if let Some(node) = self.nodes.get_mut(next as usize) {
            node.previous = previous;
        }
    }

    /// The first of a list.
    pub(crate) fn first(&self, list: u32) -> Option<u32> {
        self.ends.get(list as usize).map(|&(first, _)| first).filter(|&first| first != NONE)
    }
}

const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_is_gone() {
        let mut lists = Lists::new(2);
        for index in [3, 1, 2] {
            lists.push(0, index);
        }
        lists.push(1, 0);
        lists.remove(1);
        lists.remove(1);
        lists.remove(99);
        assert_eq!((lists.first(0), lists.length(0), lists.length(1)), (Some(3), 2, 1));
        lists.remove(3);
        assert_eq!(lists.first(0), Some(2));
        lists.remove(2);
        assert_eq!(lists.first(0), None);
        assert_eq!(lists.first(1), Some(0));
        assert_eq!(lists.first(7), None);
    }
}
