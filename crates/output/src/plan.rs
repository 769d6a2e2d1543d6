//! The plan of a JSON line: which names stand in which object, in which order; made once for each protocol.

use lanternfish_model::{FieldTable, Place, ProtocolIndex};

use crate::Column;
use crate::buffer::Buffer;
use crate::escape;
use crate::source::Source;

/// A step of a plan.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The next so many steps write whole members that all calls of a connection share.
    Shared(usize),
    /// Begins an object; it vanishes if nothing comes in it. Holds `"name":{`.
    Open(Key),
    /// Ends the object.
    Close,
    /// Writes a value, if there is one.
    Value {
        /// `"name":`
        key: Key,
        /// Where the value is found.
        source: Source,
        /// Whether the names of a map are written in lower case.
        is_caseless: bool,
        /// The only key of a map that is written.
        map_key: Option<Box<str>>,
    },
}

/// A JSON name with quotes and what follows, ready to be copied.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    padded: [u8; SHORT_KEY_BYTES],
    whole: Box<[u8]>,
}

impl Key {
    fn new(name: &str, behind: &[u8]) -> Self {
        let mut out = Buffer::default();
        escape::string(&mut out, name);
        out.put(behind);
        let whole: Box<[u8]> = out.since(0).into();
        let mut padded = [0; SHORT_KEY_BYTES];
        for (slot, byte) in padded.iter_mut().zip(&whole) {
            *slot = *byte;
        }
        Key { padded, whole }
    }

    /// Writes it.
    #[inline]
    pub(crate) fn write(&self, out: &mut Buffer) {
        if self.whole.len() <= SHORT_KEY_BYTES {
            out.put_some(&self.padded, self.whole.len());
        } else {
            out.put(&self.whole);
        }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.whole
    }
}

/// The plan for a protocol: every field that its entries may have, or the columns asked for.
pub(crate) fn plan(table: &FieldTable, protocol: ProtocolIndex, columns: Option<&[Column]>) -> Vec<Step> {
    let mut root = Node::default();
    match columns {
        Some(columns) => {
            for column in columns {
                if let Some(source) = Source::of(table, protocol, column.field) {
                    let name = column.key.as_ref().map_or(column.name.as_str(), |_| table.spec(column.field).path);
                    root.insert(name, Leaf::new(table, source, Some(column), column.field));
                }
            }
        }
        None => {
            for part in [Part::Top, Part::Request, Part::Response, Part::Last] {
                for is_common in [true, false] {
                    insert_part(
                        &mut root,
                        table,
                        protocol,
                        part,
                        is_common != (part == Part::Request || part == Part::Response),
                    );
                }
            }
        }
    }
    root.steps()
}

/// The parts of a line in their order: request and response come behind the flat names, notes at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Top,
    Request,
    Response,
    Last,
}

impl Part {
    fn of(path: &str) -> Part {
        match path.split('.').next() {
            Some("request") => Part::Request,
            Some("response") => Part::Response,
            Some("notes") => Part::Last,
            _ => Part::Top,
        }
    }
}

fn insert_part(root: &mut Node, table: &FieldTable, protocol: ProtocolIndex, part: Part, is_common: bool) {
    for (id, spec, place) in table.iter() {
        let is_here = match place {
            Place::Common(_) => is_common,
            Place::Protocol => !is_common,
            Place::Word { .. } => false,
        };
        if !is_here || Part::of(spec.path) != part || !spec.pending.is_empty() {
            continue;
        }
        if let Some(source) = Source::of(table, protocol, id) {
            root.insert(spec.path, Leaf::new(table, source, None, id));
        }
    }
}

#[derive(Clone, Debug)]
struct Leaf {
    source: Source,
    is_caseless: bool,
    is_shared: bool,
    map_key: Option<Box<str>>,
}

impl Leaf {
    fn new(table: &FieldTable, source: Source, column: Option<&Column>, field: lanternfish_model::FieldId) -> Self {
        let map_key = column.and_then(|column| column.key.clone());
        let spec = table.spec(field);
        Leaf { source, is_caseless: spec.is_caseless, is_shared: spec.is_shared, map_key }
    }
}

/// A name, with a value or names below it.
#[derive(Default)]
struct Node {
    name: String,
    leaf: Option<Leaf>,
    children: Vec<Node>,
}

impl Node {
    /// Adds a value at a dotted path; one that is there stays.
    fn insert(&mut self, path: &str, leaf: Leaf) {
        let mut node = self;
        for name in path.split('.') {
            node = node.child(name);
        }
        if let Some(key) = &leaf.map_key {
            let name = if leaf.is_caseless { key.to_ascii_lowercase() } else { key.to_string() };
            node = node.child(&name);
        }
        node.leaf.get_or_insert(leaf);
    }

    fn child(&mut self, name: &str) -> &mut Node {
        let position = match self.children.iter().position(|child| child.name == name) {
            Some(position) => position,
            None => {
                self.children.push(Node { name: name.to_owned(), ..Node::default() });
                self.children.len() - 1
            }
        };
        &mut self.children[position]
    }

    /// The steps of the outermost object; members side by side that are shared stand behind one [`Step::Shared`].
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for group in self.children.chunk_by(|a, b| a.is_shared() == b.is_shared()) {
            let at = steps.len();
            group.iter().for_each(|child| child.flatten("", &mut steps));
            if group.first().is_some_and(Node::is_shared) {
                steps.insert(at, Step::Shared(steps.len() - at));
            }
        }
        steps
    }

    fn is_shared(&self) -> bool {
        self.leaf.as_ref().is_none_or(|leaf| leaf.is_shared) && self.children.iter().all(Node::is_shared)
    }

    /// Where a name has a value and names below it, these are written beside it with dots.
    fn flatten(&self, prefix: &str, steps: &mut Vec<Step>) {
        let name = format!("{prefix}{}", self.name);
        let Some(leaf) = &self.leaf else {
            steps.push(Step::Open(Key::new(&name, b":{")));
            self.children.iter().for_each(|child| child.flatten("", steps));
            steps.push(Step::Close);
            return;
        };
        steps.push(Step::Value {
            key: Key::new(&name, b":"),
            source: leaf.source,
            is_caseless: leaf.is_caseless,
            map_key: leaf.map_key.clone(),
        });
        let prefix = format!("{name}.");
        self.children.iter().for_each(|child| child.flatten(&prefix, steps));
    }
}

/// Keys up to this length are written by one copy of this length.
const SHORT_KEY_BYTES: usize = 32;
