//! The field table: the fields of all protocols joined once, with a number for each name.

use std::collections::HashMap;

use crate::{FieldIndex, FieldSpec, Kind, ProtocolSpec, WordClass, fields};

/// The position of a protocol in the table of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolIndex(pub u8);

/// A set of protocols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolSet(u64);

impl ProtocolSet {
    /// Adds a protocol.
    pub fn insert(&mut self, protocol: ProtocolIndex) {
        self.0 |= 1u64.checked_shl(u32::from(protocol.0)).unwrap_or(0);
    }

    /// Adds all protocols of another set.
    pub fn merge(&mut self, other: ProtocolSet) {
        self.0 |= other.0;
    }

    /// Whether a protocol is in it.
    pub fn contains(self, protocol: ProtocolIndex) -> bool {
        self.0 & 1u64.checked_shl(u32::from(protocol.0)).unwrap_or(0) != 0
    }
}

/// A field of the joined table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// Where the value of a field is found in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A common field.
    Common(FieldIndex),
    /// A protocol word.
    Word {
        /// The protocols for which it is true.
        protocols: ProtocolSet,
        /// Which of their entries.
        class: WordClass,
    },
    /// A field that one or more protocols declare; see [`FieldTable::local`].
    Protocol,
}

/// Why a table could not be joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldTableError {
    /// Two declarations of one path do not agree.
    Conflict {
        /// The path.
        path: String,
        /// The protocol whose declaration came second.
        protocol: String,
    },
    /// More protocols than [`FieldTable::MAX_PROTOCOLS`].
    TooManyProtocols,
}

impl std::fmt::Display for FieldTableError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FieldTableError::Conflict { path, protocol } => {
                write!(f, "field {path} of {protocol} is declared elsewhere with another type or meaning")
            }
            FieldTableError::TooManyProtocols => write!(f, "more than {} protocols", FieldTable::MAX_PROTOCOLS),
        }
    }
}

impl std::error::Error for FieldTableError {}

/// All fields: the common ones, the protocol words and those of each protocol.
#[derive(Debug)]
pub struct FieldTable {
    specs: Vec<FieldSpec>,
    places: Vec<Place>,
    names: HashMap<String, FieldId>,
    protocols: Vec<&'static ProtocolSpec>,
    /// By protocol, then by field id: the protocol's own index.
    local: Vec<Vec<Option<FieldIndex>>>,
    /// By protocol, then by the protocol's own index: the field id.
    global: Vec<Vec<FieldId>>,
}

impl FieldTable {
    /// The most protocols in a table.
    pub const MAX_PROTOCOLS: usize = 64;

    /// Joins the common fields with those of the protocols; a protocol's index is its position in the list.
    pub fn join(protocols: &[&'static ProtocolSpec]) -> Result<FieldTable, FieldTableError> {
        if protocols.len() > Self::MAX_PROTOCOLS {
            return Err(FieldTableError::TooManyProtocols);
        }
        let mut table = FieldTable {
            specs: Vec::new(),
            places: Vec::new(),
            names: HashMap::new(),
            protocols: protocols.to_vec(),
            local: Vec::new(),
            global: Vec::new(),
        };
        for (position, spec) in fields::FIELDS.iter().enumerate() {
            table.add(*spec, Place::Common(FieldIndex(position as u16)), "the common fields")?;
        }
        for (position, protocol) in protocols.iter().enumerate() {
            let index = ProtocolIndex(position as u8);
            for word in protocol.words {
                table.add_word(index, protocol, word.name, word.class)?;
            }
            let mut global = Vec::with_capacity(protocol.fields.len());
            for spec in protocol.fields {
                global.push(table.add(*spec, Place::Protocol, protocol.name)?);
            }
            table.global.push(global);
        }
        let count = table.specs.len();
        for global in &table.global {
            let mut local = vec![None; count];
            for (position, id) in global.iter().enumerate() {
                if let Some(slot) = local.get_mut(usize::from(id.0)) {
                    *slot = Some(FieldIndex(position as u16));
                }
            }
            table.local.push(local);
        }
        Ok(table)
    }

    fn add(&mut self, spec: FieldSpec, place: Place, protocol: &str) -> Result<FieldId, FieldTableError> {
        let conflict = || FieldTableError::Conflict { path: spec.path.to_owned(), protocol: protocol.to_owned() };
        if let Some(&known) = self.names.get(spec.path) {
            let is_same = self.spec(known).kind == spec.kind
                && self.spec(known).path == spec.path
                && place == Place::Protocol
                && self.place(known) == Place::Protocol;
            return if is_same { Ok(known) } else { Err(conflict()) };
        }
        let id = FieldId(self.specs.len() as u16);
        for name in std::iter::once(spec.path).chain(spec.other_names()) {
            if self.names.insert(name.to_owned(), id).is_some() {
                return Err(conflict());
            }
        }
        self.specs.push(spec);
        self.places.push(place);
        Ok(id)
    }

    fn add_word(
        &mut self,
        index: ProtocolIndex,
        protocol: &ProtocolSpec,
        name: &'static str,
        class: WordClass,
    ) -> Result<(), FieldTableError> {
        if let Some(&known) = self.names.get(name) {
            if let Some(Place::Word { protocols, class: known_class }) = self.places.get_mut(usize::from(known.0))
                && *known_class == class
            {
                protocols.insert(index);
                return Ok(());
            }
            return Err(FieldTableError::Conflict { path: name.to_owned(), protocol: protocol.name.to_owned() });
        }
        let mut protocols = ProtocolSet::default();
        protocols.insert(index);
        let doc = match class {
            WordClass::Any => "True for entries of this protocol.",
            WordClass::Connection => "True for connection entries of this transport.",
            WordClass::Flow => "True for flow entries of this transport.",
        };
        let spec = FieldSpec::bool(name).doc(doc).example("true").pending(protocol.pending);
        self.add(spec, Place::Word { protocols, class }, protocol.name)?;
        Ok(())
    }

    /// The field of a name or alias.
    pub fn find(&self, name: &str) -> Option<FieldId> {
        self.names.get(name).copied()
    }

    /// The declaration of a field.
    pub fn spec(&self, id: FieldId) -> &FieldSpec {
        const MISSING: FieldSpec = FieldSpec::new("", Kind::Bool);
        self.specs.get(usize::from(id.0)).unwrap_or(&MISSING)
    }

    /// Where the value of a field is found.
    pub fn place(&self, id: FieldId) -> Place {
        self.places.get(usize::from(id.0)).copied().unwrap_or(Place::Protocol)
    }

    /// The index of a field in a protocol's own list.
    pub fn local(&self, protocol: ProtocolIndex, id: FieldId) -> Option<FieldIndex> {
        self.local.get(usize::from(protocol.0))?.get(usize::from(id.0)).copied().flatten()
    }

    /// The field at an index of a protocol's own list.
    pub fn global(&self, protocol: ProtocolIndex, index: FieldIndex) -> Option<FieldId> {
        self.global.get(usize::from(protocol.0))?.get(usize::from(index.0)).copied()
    }

    /// All fields, common ones first.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &FieldSpec, Place)> {
        let ids = (0..self.specs.len()).map(|position| FieldId(position as u16));
        ids.zip(self.specs.iter()).zip(self.places.iter()).map(|((id, spec), place)| (id, spec, *place))
    }

    /// All names and aliases, in no order.
    pub fn names(&self) -> impl Iterator<Item = (&str, FieldId)> {
        self.names.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// The protocols, by index.
    pub fn protocols(&self) -> &[&'static ProtocolSpec] {
        &self.protocols
    }

    /// The value of `protocol` for a protocol.
    pub fn protocol_name(&self, protocol: ProtocolIndex) -> &'static str {
        self.protocols.get(usize::from(protocol.0)).map_or("", |spec| spec.name)
    }

    /// The protocol of a name.
    pub fn find_protocol(&self, name: &str) -> Option<ProtocolIndex> {
        self.protocols.iter().position(|spec| spec.name == name).map(|position| ProtocolIndex(position as u8))
    }
}

/// Which fields somebody will read: dissectors leave out what nobody wants.
#[derive(Clone, Debug, Default)]
pub struct Wants {
    /// By protocol, then by the protocol's own index.
    protocol: Vec<Vec<bool>>,
    common: Vec<bool>,
}

impl Wants {
    /// Everything.
    pub fn everything(table: &FieldTable) -> Wants {
        Self::only(table, table.iter().map(|(id, _, _)| id))
    }

    /// These fields and no others.
    pub fn only(table: &FieldTable, ids: impl IntoIterator<Item = FieldId>) -> Wants {
        let mut wants = Wants {
            protocol: table.protocols.iter().map(|spec| vec![false; spec.fields.len()]).collect(),
            common: vec![false; fields::FIELDS.len()],
        };
        for id in ids {
            if let Place::Common(index) = table.place(id)
                && let Some(slot) = wants.common.get_mut(usize::from(index.0))
            {
                *slot = true;
            }
            for (position, slots) in wants.protocol.iter_mut().enumerate() {
                if let Some(index) = table.local(ProtocolIndex(position as u8), id)
                    && let Some(slot) = slots.get_mut(usize::from(index.0))
                {
                    *slot = true;
                }
            }
        }
        wants
    }

    /// Whether a protocol's own field is wanted.
    pub fn field(&self, protocol: ProtocolIndex, index: FieldIndex) -> bool {
        self.of(protocol).get(usize::from(index.0)).copied().unwrap_or(false)
    }

    /// The wanted fields of a protocol, by the protocol's own index.
    pub fn of(&self, protocol: ProtocolIndex) -> &[bool] {
        self.protocol.get(usize::from(protocol.0)).map_or(&[], Vec::as_slice)
    }

    /// Whether a common field is wanted.
    pub fn common(&self, index: FieldIndex) -> bool {
        self.common.get(usize::from(index.0)).copied().unwrap_or(false)
    }

    /// Whether the bodies of messages are wanted, of either side.
    pub fn bodies(&self) -> bool {
        self.common(fields::REQUEST_BODY) || self.common(fields::RESPONSE_BODY)
    }
}
