//! The service map of stored rows: pairs of peers as the grouping tells them apart, joined by the builder of the live map.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use lanternfish_model::{FieldTable, Outcome, ProtocolIndex, fields};
use lanternfish_servicemap::{Counted, Facts as Peer, GroupBy, MapBuilder, NodeKind, ServiceMap, Tally};

use crate::engine::Fold;
use crate::facts::Facts;
use crate::keys::{Interner, KeyMaker, Keys};
use crate::limits::MAX_PAIRS;
use crate::question::path;
use crate::revisions::Newest;

/// What a map is made by.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub table: &'static FieldTable,
    pub group: GroupBy,
    pub newest: Arc<Newest>,
}

impl Mapping {
    /// The kinds of names that are looked at, the best first; the address is the last.
    fn kinds(&self) -> impl Iterator<Item = NodeKind> {
        self.group.order().iter().copied().chain([NodeKind::Ip])
    }

    /// The columns that it reads.
    pub fn columns(&self) -> Vec<String> {
        let names = self.kinds().flat_map(|kind| [Side::Src, Side::Dst].map(|side| side.column(kind)));
        let port = self.group.has_ports().then(|| PORT.to_owned());
        let facts = Facts::columns().chain([path(fields::TIMESTAMP)]);
        names.chain(port).chain(facts.map(str::to_owned)).collect()
    }
}

#[derive(Clone, Copy)]
enum Side {
    Src,
    Dst,
}

impl Side {
    fn column(self, kind: NodeKind) -> String {
        match self {
            Side::Src => format!("src.{}", kind.field()),
            Side::Dst => format!("dst.{}", kind.field()),
        }
    }
}

/// The best name of a peer: which kind it is, and its number.
type Name = Option<(NodeKind, u32)>;
/// Who called whom in which protocol; the port of a server that has no name and did not answer.
type Pair = (Name, Name, ProtocolIndex, Option<u16>);

/// Pairs under way.
#[derive(Debug)]
pub(crate) struct MapFold {
    mapping: Arc<Mapping>,
    interner: Interner,
    /// By column.
    makers: Vec<KeyMaker>,
    numbers: hashbrown::HashMap<Pair, u32>,
    pairs: Vec<(Pair, Tally)>,
    /// The ports of addresses that did not answer.
    ports: hashbrown::HashMap<u32, Vec<u16>>,
    omitted: u64,
}

impl MapFold {
    pub fn new(mapping: Arc<Mapping>) -> MapFold {
        MapFold {
            mapping,
            interner: Interner::default(),
            makers: Vec::new(),
            numbers: hashbrown::HashMap::new(),
            pairs: Vec::new(),
            ports: hashbrown::HashMap::new(),
            omitted: 0,
        }
    }

    /// The finished map.
    pub fn finish(self) -> ServiceMap {
        let mut builder = MapBuilder::new(self.mapping.group);
        for ((src, dst, protocol, port), tally) in &self.pairs {
            let server = Peer { port: *port, ..self.peer(*dst) };
            let (src, dst) = (builder.node(&self.peer(*src)), builder.node(&server));
            builder.add(src, dst, self.mapping.table.protocol_name(*protocol), tally);
        }
        let mut map = builder.finish();
        map.omitted_edges = map.omitted_edges.saturating_add(self.omitted);
        map
    }

    fn peer(&self, name: Name) -> Peer<'_> {
        let mut peer = Peer::default();
        let Some((kind, number)) = name else { return peer };
        let text = std::str::from_utf8(self.interner.text(number)).unwrap_or_default();
        match kind {
            NodeKind::Service => peer.service = text,
            NodeKind::Container => peer.container = text,
            NodeKind::Process => peer.process = text,
            NodeKind::Host => peer.dns = text,
            NodeKind::Ip => peer.ip = text.parse().ok(),
            NodeKind::Rest => {}
        }
        peer
    }

    /// The columns of one side as numbers, the best first.
    fn names(&mut self, side: Side, batch: &RecordBatch) -> Result<Vec<(NodeKind, Keys)>> {
        let mapping = Arc::clone(&self.mapping);
        let first = match side {
            Side::Src => 0,
            Side::Dst => mapping.kinds().count(),
        };
        let mut names = Vec::new();
        for (position, kind) in mapping.kinds().enumerate() {
            let Some(column) = batch.column_by_name(&side.column(kind)) else { continue };
            if self.makers.len() <= first + position {
                self.makers.resize_with(first + position + 1, KeyMaker::default);
            }
            let Some(maker) = self.makers.get_mut(first + position) else { continue };
            names.push((kind, maker.keys(column, None, &mut self.interner)?));
        }
        Ok(names)
    }

    /// The port that tells a server apart. One that was tried at many ports is told apart by none, for that is a scan.
    fn port(&mut self, dst: Name, port: Option<u16>) -> Option<u16> {
        let (Some((NodeKind::Ip, address)), Some(port)) = (dst, port) else { return None };
        let known = self.ports.entry(address).or_default();
        if known.contains(&port) {
            return Some(port);
        }
        if known.len() >= MAX_PORTS {
            return None;
        }
        known.push(port);
        Some(port)
    }

    fn tally(&mut self, (src, dst, protocol, port): Pair) -> Option<&mut Tally> {
        let key = (src, dst, protocol, self.port(dst, port));
        let number = match self.numbers.get(&key) {
            Some(&number) => number,
            None if self.pairs.len() < MAX_PAIRS => {
                let number = self.pairs.len() as u32;
                self.numbers.insert(key, number);
                self.pairs.push((key, Tally::default()));
                number
            }
            None => {
                self.omitted = self.omitted.saturating_add(1);
                return None;
            }
        };
        self.pairs.get_mut(number as usize).map(|(_, tally)| tally)
    }
}

/// Whether nothing came back so far: a connection or flow that failed, or that waits.
fn is_unanswered(counted: Counted, outcome: Outcome) -> bool {
    matches!(counted, Counted::BareConnection | Counted::Flow) && matches!(outcome, Outcome::Failed | Outcome::Open)
}

fn port_of(ports: Option<&Int64Array>, row: usize) -> Option<u16> {
    let port = ports.filter(|ports| ports.is_valid(row))?.value(row);
    u16::try_from(port).ok()
}

/// The best name of a row.
fn best(names: &[(NodeKind, Keys)], row: usize) -> Name {
    names.iter().find_map(|(kind, keys)| Some((*kind, u32::try_from(keys.get(row)?).ok()?)))
}

impl Fold for MapFold {
    fn batch(&mut self, protocol: ProtocolIndex, batch: &RecordBatch) -> Result<()> {
        let mapping = Arc::clone(&self.mapping);
        let facts = Facts::of(mapping.table, protocol, batch)?;
        let (src, dst) = (self.names(Side::Src, batch)?, self.names(Side::Dst, batch)?);
        let ports = batch.column_by_name(PORT).filter(|_| mapping.group.has_ports());
        let ports = ports.and_then(|ports| ports.as_primitive_opt::<Int64Type>());
        for row in 0..batch.num_rows() {
            if facts.is_outdated(&mapping.newest, row) {
                continue;
            }
            let counted = facts.counted(row);
            let elapsed_us = if counted == Counted::Call { facts.elapsed_us(row) } else { None };
            let (outcome, bytes, time) = (facts.outcome(row), facts.bytes(row), facts.time(row));
            let port = if is_unanswered(counted, outcome) { port_of(ports, row) } else { None };
            if let Some(tally) = self.tally((best(&src, row), best(&dst, row), protocol, port)) {
                tally.of(counted).add(outcome, bytes, elapsed_us, time);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: &MapFold) {
        let mut moved =
            |name: Name| name.map(|(kind, number)| (kind, self.interner.number(other.interner.text(number))));
        let pairs: Vec<_> = other
            .pairs
            .iter()
            .map(|((src, dst, protocol, port), tally)| ((moved(*src), moved(*dst), *protocol, *port), tally))
            .collect();
        for (key, tally) in pairs {
            if let Some(mine) = self.tally(key) {
                mine.merge(tally);
            }
        }
        self.omitted = self.omitted.saturating_add(other.omitted);
    }

    fn settle(&mut self) -> usize {
        // The newest revisions are many, and of no use to what is folded.
        let newest = Arc::default();
        self.mapping = Arc::new(Mapping { table: self.mapping.table, group: self.mapping.group, newest });
        self.makers = Vec::new();
        self.numbers = hashbrown::HashMap::new();
        self.ports = hashbrown::HashMap::new();
        self.pairs.shrink_to_fit();
        let pairs = self.pairs.iter().map(|(key, tally)| size_of_val(key).saturating_add(tally.footprint_bytes()));
        pairs.fold(self.interner.settle(), usize::saturating_add).saturating_add(size_of_val(self))
    }
}

/// The field that holds the port of a server.
const PORT: &str = "dst.port";
/// The most ports of one address that did not answer which are told apart.
const MAX_PORTS: usize = 16;
