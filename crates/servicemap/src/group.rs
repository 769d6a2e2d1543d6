//! What a node of the map stands for: a process, a container, a service, a host or an address.

use std::net::IpAddr;

use lanternfish_model::Party;

use crate::limits::MAX_NAME_BYTES;

/// What nodes are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// The best name known: service, process, DNS name, address.
    #[default]
    Auto,
    /// Processes; where none is known, DNS name or address.
    Process,
    /// Containers; else processes, DNS names, addresses.
    Container,
    /// Hosts: DNS names, else addresses.
    Host,
    /// Services; else DNS names, processes, addresses.
    Service,
    /// Addresses.
    Ip,
}

impl GroupBy {
    /// All of them.
    pub const ALL: [GroupBy; 6] =
        [GroupBy::Auto, GroupBy::Process, GroupBy::Container, GroupBy::Host, GroupBy::Service, GroupBy::Ip];

    /// The name in a request.
    pub const fn name(self) -> &'static str {
        match self {
            GroupBy::Auto => "auto",
            GroupBy::Process => "process",
            GroupBy::Container => "container",
            GroupBy::Host => "host",
            GroupBy::Service => "service",
            GroupBy::Ip => "ip",
        }
    }

    /// The grouping of a name.
    pub fn of(name: &str) -> Option<GroupBy> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// Whether servers that did not answer are told apart by port where they have no name: not where nodes are machines.
    pub const fn has_ports(self) -> bool {
        !matches!(self, GroupBy::Host | GroupBy::Ip)
    }

    /// Which facts are looked at, the best first; the address is always the last.
    pub const fn order(self) -> &'static [NodeKind] {
        match self {
            GroupBy::Auto => &[NodeKind::Service, NodeKind::Process, NodeKind::Host],
            GroupBy::Process => &[NodeKind::Process, NodeKind::Host],
            GroupBy::Container => &[NodeKind::Container, NodeKind::Process, NodeKind::Host],
            GroupBy::Host => &[NodeKind::Host],
            GroupBy::Service => &[NodeKind::Service, NodeKind::Host, NodeKind::Process],
            GroupBy::Ip => &[],
        }
    }
}

/// The kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A service.
    Service,
    /// A container.
    Container,
    /// A process.
    Process,
    /// A DNS name.
    Host,
    /// An address.
    Ip,
    /// Stands for all that the limits left out.
    Rest,
}

impl NodeKind {
    /// The name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            NodeKind::Service => "service",
            NodeKind::Container => "container",
            NodeKind::Process => "process",
            NodeKind::Host => "host",
            NodeKind::Ip => "ip",
            NodeKind::Rest => "rest",
        }
    }

    /// The field below `src.` and `dst.` that holds the name; empty for [`NodeKind::Rest`].
    pub const fn field(self) -> &'static str {
        match self {
            NodeKind::Service => "service.name",
            NodeKind::Container => "container.id",
            NodeKind::Process => "process.name",
            NodeKind::Host => "dns",
            NodeKind::Ip => "ip",
            NodeKind::Rest => "",
        }
    }
}

/// What is known of one end, as far as maps ask for it; empty where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts<'a> {
    /// The service.
    pub service: &'a str,
    /// The id of the container.
    pub container: &'a str,
    /// The name of the process.
    pub process: &'a str,
    /// The DNS name.
    pub dns: &'a str,
    /// The address.
    pub ip: Option<IpAddr>,
    /// The port of a server that did not answer: where nothing else is known of it, it tells what was called.
    pub port: Option<u16>,
}

impl<'a> Facts<'a> {
    /// What is known of a party.
    pub fn of(party: &'a Party) -> Facts<'a> {
        let identity = party.identity.as_deref();
        Facts {
            service: "",
            container: identity.map_or("", |identity| cut(&identity.container_id)),
            process: identity.map_or("", |identity| cut(&identity.process_name)),
            dns: party.dns.as_deref().map_or("", cut),
            ip: Some(party.endpoint.ip),
            port: None,
        }
    }

    /// The kind and name of the node that it belongs to; an address has no text of its own.
    pub fn node(&self, group: GroupBy) -> (NodeKind, &'a str) {
        for &kind in group.order() {
            let name = self.name(kind);
            if !name.is_empty() {
                return (kind, name);
            }
        }
        if self.ip.is_some() { (NodeKind::Ip, "") } else { (NodeKind::Rest, "") }
    }

    /// The name of a kind.
    pub fn name(&self, kind: NodeKind) -> &'a str {
        match kind {
            NodeKind::Service => self.service,
            NodeKind::Container => self.container,
            NodeKind::Process => self.process,
            NodeKind::Host => self.dns,
            NodeKind::Ip | NodeKind::Rest => "",
        }
    }
}

/// A name within [`MAX_NAME_BYTES`].
pub(crate) fn cut(name: &str) -> &str {
    if name.len() <= MAX_NAME_BYTES {
        return name;
    }
    let end = (0..=MAX_NAME_BYTES).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    name.get(..end).unwrap_or_default()
}
