//! The finished map, and the builder that joins pairs of peers into it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use lanternfish_model::Timestamp;

use crate::limits::{MAX_EDGES, MAX_NODES};
use crate::{Counts, Facts, Figures, GroupBy, NodeKind, Shown, Tally};

/// A node: whatever the grouping made one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Stable and unique in the map: `kind:name`, with the port where there is one.
    pub id: String,
    /// What it stands for.
    pub kind: NodeKind,
    /// What to show; [`Node::label`] has the port with it.
    pub name: String,
    /// The port of an address at which nothing ever answered.
    pub port: Option<u16>,
    /// Calls that it received.
    pub calls_in: u64,
    /// Calls that it made.
    pub calls_out: u64,
    /// Errors of the calls that it received.
    pub errors_in: u64,
}

/// All calls of one protocol from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The id of the calling node.
    pub src: String,
    /// The id of the called node.
    pub dst: String,
    /// The protocol in lower case.
    pub protocol: String,
    /// Its calls.
    pub figures: Figures,
    /// The newest call.
    pub last_seen: Timestamp,
}

/// A map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceMap {
    /// The nodes, by id.
    pub nodes: Vec<Node>,
    /// The edges, by source, destination and protocol.
    pub edges: Vec<Edge>,
    /// Edges that were left out for [`MAX_EDGES`]: those with the fewest calls.
    pub omitted_edges: u64,
}

/// Joins pairs of peers into a map.
#[derive(Debug)]
pub struct MapBuilder {
    group: GroupBy,
    nodes: Vec<Named>,
    by_name: HashMap<(NodeKind, String), u32>,
    by_ip: HashMap<(IpAddr, Option<u16>), u32>,
    edges: HashMap<(u32, u32, &'static str), Tally>,
}

impl MapBuilder {
    /// Begins a map.
    pub fn new(group: GroupBy) -> MapBuilder {
        MapBuilder { group, nodes: Vec::new(), by_name: HashMap::new(), by_ip: HashMap::new(), edges: HashMap::new() }
    }

    /// The number of the node that a peer belongs to.
    pub fn node(&mut self, facts: &Facts<'_>) -> u32 {
        let (kind, name) = match facts.node(self.group) {
            _ if self.nodes.len() >= MAX_NODES && !self.knows(facts) => (NodeKind::Rest, REST),
            (NodeKind::Rest, _) => (NodeKind::Rest, REST),
            other => other,
        };
        if let (NodeKind::Ip, Some(ip)) = (kind, facts.ip) {
            let (port, nodes) = (self.port(facts), &mut self.nodes);
            return *self.by_ip.entry((ip, port)).or_insert_with(|| push(nodes, NodeKind::Ip, ip.to_string(), port));
        }
        if let Some(&known) = self.by_name.get(&(kind, name.to_owned())) {
            return known;
        }
        let number = push(&mut self.nodes, kind, name.to_owned(), None);
        self.by_name.insert((kind, name.to_owned()), number);
        number
    }

    /// Adds what was counted between two nodes.
    pub fn add(&mut self, src: u32, dst: u32, protocol: &'static str, tally: &Tally) {
        self.edges.entry((src, dst, protocol)).or_default().merge(tally);
    }

    /// An address that answered at one port is one node: its ports are told apart only where none did.
    fn join_ports(&mut self) {
        let answering: HashSet<u32> = self.edges.keys().map(|(_, dst, _)| *dst).collect();
        let plain = |ip: IpAddr| self.by_ip.get(&(ip, None)).copied().filter(|node| answering.contains(node));
        let joined = self.by_ip.iter().filter(|((_, port), _)| port.is_some());
        let joined: HashMap<u32, u32> = joined.filter_map(|((ip, _), node)| Some((*node, plain(*ip)?))).collect();
        if joined.is_empty() {
            return;
        }
        for ((src, dst, protocol), tally) in std::mem::take(&mut self.edges) {
            self.add(src, joined.get(&dst).copied().unwrap_or(dst), protocol, &tally);
        }
    }

    /// The map; what is shown follows the rule of [`Shown`].
    pub fn finish(mut self) -> ServiceMap {
        self.join_ports();
        let mut shown = Shown::default();
        self.edges.values().for_each(|tally| shown.notice_all(tally));
        let mut counted: Vec<((u32, u32, &'static str), Counts)> =
            self.edges.iter().filter_map(|(key, tally)| Some((*key, tally.shown(shown)?))).collect();
        counted.sort_by(|(a_key, a), (b_key, b)| b.calls.cmp(&a.calls).then_with(|| a_key.cmp(b_key)));
        let omitted_edges = counted.len().saturating_sub(MAX_EDGES) as u64;
        counted.truncate(MAX_EDGES);
        let mut nodes: Vec<Node> = self.nodes.into_iter().map(Node::new).collect();
        let mut edges = Vec::with_capacity(counted.len());
        for ((src, dst, protocol), counts) in &counted {
            if let Some(node) = nodes.get_mut(*src as usize) {
                node.calls_out = node.calls_out.saturating_add(counts.calls);
            }
            if let Some(node) = nodes.get_mut(*dst as usize) {
                node.calls_in = node.calls_in.saturating_add(counts.calls);
                node.errors_in = node.errors_in.saturating_add(counts.errors);
            }
            let (Some(src), Some(dst)) = (nodes.get(*src as usize), nodes.get(*dst as usize)) else { continue };
            edges.push(Edge::new(src.id.clone(), dst.id.clone(), protocol, counts));
        }
        nodes.retain(|node| node.calls_in > 0 || node.calls_out > 0);
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        edges.sort_by(|a, b| (&a.src, &a.dst, &a.protocol).cmp(&(&b.src, &b.dst, &b.protocol)));
        ServiceMap { nodes, edges, omitted_edges }
    }

    fn knows(&self, facts: &Facts<'_>) -> bool {
        match facts.node(self.group) {
            (NodeKind::Ip, _) => facts.ip.is_some_and(|ip| self.by_ip.contains_key(&(ip, self.port(facts)))),
            (kind, name) => self.by_name.contains_key(&(kind, name.to_owned())),
        }
    }

    fn port(&self, facts: &Facts<'_>) -> Option<u16> {
        facts.port.filter(|_| self.group.has_ports())
    }
}

impl Node {
    fn new(named: Named) -> Node {
        let Named { kind, name, port } = named;
        let mut node = Node { id: String::new(), kind, name, port, calls_in: 0, calls_out: 0, errors_in: 0 };
        node.id = format!("{}:{}", kind.name(), node.label());
        node
    }

    /// The name with the port, where there is one: `10.0.0.1:80`, `[fd00::1]:80`.
    pub fn label(&self) -> String {
        match self.port {
            Some(port) if self.name.contains(':') => format!("[{}]:{port}", self.name),
            Some(port) => format!("{}:{port}", self.name),
            None => self.name.clone(),
        }
    }
}

impl Edge {
    fn new(src: String, dst: String, protocol: &str, counts: &Counts) -> Edge {
        Edge {
            src,
            dst,
            protocol: protocol.to_owned(),
            figures: counts.figures(),
            last_seen: counts.last_seen.unwrap_or_default(),
        }
    }
}

/// What a node is, before it is counted.
#[derive(Debug)]
struct Named {
    kind: NodeKind,
    name: String,
    port: Option<u16>,
}

fn push(nodes: &mut Vec<Named>, kind: NodeKind, name: String, port: Option<u16>) -> u32 {
    nodes.push(Named { kind, name, port });
    (nodes.len() - 1) as u32
}

/// The name of the node that stands for the rest.
const REST: &str = "others";
