//! IP fragments put together (RFC 791 section 3.2, RFC 8200 section 4.5).
//!
//! Of bytes that came twice the first are kept. A datagram whose fragments were cut by the capture becomes whole too:
//! its bytes up to the first one missing are given, and so are those of one that is given up.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use hashbrown::HashMap;
use lanternfish_model::{Cause, Loss, PacketRef, Scope, Timestamp};
use lanternfish_wire::{Fragment, Tunnel};
use smallvec::SmallVec;

/// The limits of a [`Defragmenter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentLimits {
    /// The most payload bytes of one datagram; IP knows no more than 65,535.
    pub max_datagram_bytes: u32,
    /// The most bytes that wait in all datagrams together, with their bookkeeping.
    pub max_bytes: usize,
    /// The most datagrams that wait.
    pub max_datagrams: usize,
    /// How long a datagram waits from its first fragment on, in ns of packet time.
    pub timeout_ns: i64,
}

impl Default for FragmentLimits {
    fn default() -> Self {
        FragmentLimits {
            max_datagram_bytes: 65_535,
            max_bytes: 4 << 20,
            max_datagrams: 4096,
            timeout_ns: 30_000_000_000,
        }
    }
}

/// A datagram whose fragments have all come, or that was given up as far as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its bytes behind the IP header (behind the fragment header in IPv6).
    pub bytes: Vec<u8>,
    /// Bytes behind them that the capture did not keep.
    pub missing: u32,
    /// The number of its transport protocol (of the first header behind the fragment header).
    pub protocol: u8,
    /// The source.
    pub source: IpAddr,
    /// The destination.
    pub destination: IpAddr,
    /// The tunnels around it, outermost first.
    pub tunnels: SmallVec<[Tunnel; 1]>,
    /// The packets of its fragments in the order they came; the last is the one that made it whole.
    pub packets: Vec<PacketRef>,
    /// The bytes of these packets from the network header on, that header reckoned without options.
    pub network_bytes: u32,
    /// Whether fragments never came: its packets are counted as lost already.
    pub is_partial: bool,
}

/// Fragments that wait for the others of their datagrams.
pub struct Defragmenter {
    limits: FragmentLimits,
    partials: HashMap<Key, Partial>,
    /// The datagrams by age.
    ages: BTreeMap<u64, Key>,
    next_age: u64,
    bytes: usize,
    packets: u64,
    spare: Option<Whole>,
    /// Those that were given up and not taken yet.
    given_up: VecDeque<Whole>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    /// Part of the key in IPv4 only: RFC 8200 section 4.5 leaves it out.
    protocol: u8,
    scope: Scope,
    interface: u32,
}

struct Partial {
    age: u64,
    since: Timestamp,
    protocol: u8,
    /// Behind its last byte, once the last fragment has come.
    end: Option<u32>,
    /// Sorted, without overlaps.
    parts: Vec<Part>,
    /// The length of all parts.
    covered: u32,
    bytes: Vec<u8>,
    packets: Vec<PacketRef>,
    network_bytes: u32,
    tunnels: SmallVec<[Tunnel; 1]>,
}

/// Bytes of a datagram, and where they lie.
#[derive(Clone, Copy)]
struct Part {
    offset: u32,
    /// Those that were not captured included.
    length: u32,
    at: u32,
    captured: u32,
}

impl Default for Defragmenter {
    fn default() -> Self {
        Defragmenter::new(FragmentLimits::default())
    }
}

impl Defragmenter {
    /// Makes an empty table.
    pub fn new(limits: FragmentLimits) -> Self {
        Defragmenter {
            limits,
            partials: HashMap::new(),
            ages: BTreeMap::new(),
            next_age: 0,
            bytes: 0,
            packets: 0,
            spare: None,
            given_up: VecDeque::new(),
        }
    }

    /// How many packets wait: neither given as part of a whole datagram nor counted as lost.
    pub fn pending_packets(&self) -> u64 {
        self.packets
    }

    /// How many datagrams wait.
    pub fn pending_datagrams(&self) -> usize {
        self.partials.len()
    }

    /// The bytes that wait, with their bookkeeping.
    pub fn pending_bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a fragment of an unknown interface.
    pub fn add(&mut self, fragment: &Fragment<'_>, packet: PacketRef, loss: &mut Loss) -> Option<Whole> {
        self.add_on(fragment, 0, packet, loss)
    }

    /// Takes a fragment seen on an interface, 0 where unknown. Copies of a datagram on several interfaces become whole
    /// apart from each other.
    pub fn add_on(
        &mut self,
        fragment: &Fragment<'_>,
        interface: u32,
        packet: PacketRef,
        loss: &mut Loss,
    ) -> Option<Whole> {
        self.advance(packet.time, loss);
        let captured = fragment.payload.bytes.len().min(u32::MAX as usize) as u32;
        let length = captured.saturating_add(fragment.payload.missing);
        let end = fragment.offset.saturating_add(length);
        // The others but the last are multiples of eight bytes long; an empty one carries nothing.
        if end > self.limits.max_datagram_bytes || (fragment.has_more && length == 0) {
            loss.add(Cause::FragmentIncomplete, 1);
            return None;
        }
        let key = Key::new(fragment, interface);
        let cost_bytes = captured as usize + PART_COST_BYTES;
        self.make_room(&key, cost_bytes, loss);
        if self.bytes.saturating_add(cost_bytes) > self.limits.max_bytes {
            loss.add(Cause::FragmentTableFull, 1);
            return None;
        }
        let next_age = &mut self.next_age;
        let ages = &mut self.ages;
        let partial = self.partials.entry(key).or_insert_with(|| {
            let age = *next_age;
            *next_age = next_age.wrapping_add(1);
            ages.insert(age, key);
            Partial::new(age, packet.time, fragment)
        });
        let before = partial.cost_bytes();
        if !partial.put(fragment, length) {
            loss.add(Cause::FragmentIncomplete, 1);
            return None;
        }
        partial.packets.push(packet);
        let header = if fragment.source.is_ipv4() { IPV4_HEADER_BYTES } else { IPV6_HEADERS_BYTES };
        partial.network_bytes = partial.network_bytes.saturating_add(length).saturating_add(header);
        self.bytes = self.bytes.saturating_add(partial.cost_bytes()).saturating_sub(before);
        self.packets = self.packets.saturating_add(1);
        if !partial.is_whole() {
            return None;
        }
        let partial = self.take(&key)?;
        Some(self.assemble(&key, partial))
    }

    /// The next datagram that was given up and of which the beginning came, the one given up first. To be asked after
    /// each call that may give some up, until there is none.
    pub fn next_given_up(&mut self) -> Option<Whole> {
        self.given_up.pop_front()
    }

    /// Gives up datagrams that have waited for too long at this time.
    pub fn advance(&mut self, now: Timestamp, loss: &mut Loss) {
        while let Some(key) = self.oldest() {
            let is_over = match self.partials.get(&key) {
                Some(partial) => now.since(partial.since) > self.limits.timeout_ns,
                None => true,
            };
            if !is_over {
                return;
            }
            self.give_up(&key, Cause::FragmentIncomplete, loss);
        }
    }

    /// Gives up all datagrams.
    pub fn finish(&mut self, loss: &mut Loss) {
        while let Some(key) = self.oldest() {
            self.give_up(&key, Cause::FragmentIncomplete, loss);
        }
    }

    /// Takes the buffers of a datagram back for the next one.
    pub fn recycle(&mut self, whole: Whole) {
        self.spare = Some(whole);
    }

    fn oldest(&self) -> Option<Key> {
        self.ages.first_key_value().map(|(_, key)| *key)
    }

    /// Drops the oldest datagrams until there is room, but not the one that the fragment belongs to.
    fn make_room(&mut self, key: &Key, cost_bytes: usize, loss: &mut Loss) {
        let is_known = self.partials.contains_key(key);
        loop {
            let is_room = self.bytes.saturating_add(cost_bytes) <= self.limits.max_bytes;
            if is_room && (is_known || self.partials.len() < self.limits.max_datagrams.max(1)) {
                return;
            }
            let Some(oldest) = self.ages.values().find(|oldest| *oldest != key).copied() else { return };
            self.give_up(&oldest, Cause::FragmentTableFull, loss);
        }
    }

    fn give_up(&mut self, key: &Key, cause: Cause, loss: &mut Loss) {
        match self.take(key) {
            Some(partial) => {
                loss.add(cause, partial.packets.len() as u64);
                if partial.parts.first().is_some_and(|first| first.offset == 0 && first.captured > 0) {
                    let whole = self.assemble(key, partial);
                    self.given_up.push_back(Whole { is_partial: true, ..whole });
                }
            }
            // An age without a datagram would be looked at for ever.
            None => self.ages.retain(|_, other| other != key),
        }
    }

    fn take(&mut self, key: &Key) -> Option<Partial> {
        let partial = self.partials.remove(key)?;
        self.ages.remove(&partial.age);
        self.bytes = self.bytes.saturating_sub(partial.cost_bytes());
        self.packets = self.packets.saturating_sub(partial.packets.len() as u64);
        Some(partial)
    }

    fn assemble(&mut self, key: &Key, partial: Partial) -> Whole {
        let mut bytes = self.spare.take().map(|whole| whole.bytes).unwrap_or_default();
        bytes.clear();
        for part in &partial.parts {
            if part.offset as usize != bytes.len() {
                break;
            }
            let at = part.at as usize;
            let captured = partial.bytes.get(at..at.saturating_add(part.captured as usize)).unwrap_or_default();
            bytes.extend_from_slice(captured);
            if part.captured < part.length {
                break;
            }
        }
        let end = partial.end.unwrap_or_else(|| partial.least_end(&bytes));
        let missing = end.saturating_sub(bytes.len() as u32);
        Whole {
            bytes,
            missing,
            protocol: partial.protocol,
            source: key.source,
            destination: key.destination,
            tunnels: partial.tunnels,
            packets: partial.packets,
            network_bytes: partial.network_bytes,
            is_partial: false,
        }
    }
}

impl Key {
    fn new(fragment: &Fragment<'_>, interface: u32) -> Self {
        Key {
            source: fragment.source,
            destination: fragment.destination,
            identification: fragment.identification,
            protocol: if fragment.source.is_ipv4() { fragment.protocol } else { 0 },
            scope: Tunnel::scope(&fragment.tunnels),
            interface,
        }
    }
}

impl Partial {
    fn new(age: u64, since: Timestamp, fragment: &Fragment<'_>) -> Self {
        Partial {
            age,
            since,
            protocol: fragment.protocol,
            end: None,
            parts: Vec::new(),
            covered: 0,
            bytes: Vec::new(),
            packets: Vec::new(),
            network_bytes: 0,
            tunnels: fragment.tunnels.clone(),
        }
    }

    fn cost_bytes(&self) -> usize {
        let parts = self.parts.len().max(self.packets.len()).saturating_mul(PART_COST_BYTES);
        self.bytes.len().saturating_add(parts)
    }

    /// Puts in what is new of a fragment; tells whether it belongs to the datagram at all.
    fn put(&mut self, fragment: &Fragment<'_>, length: u32) -> bool {
        let end = fragment.offset.saturating_add(length);
        let is_contrary = match self.end {
            Some(known) => end > known || (!fragment.has_more && end != known),
            None => !fragment.has_more && self.parts.last().is_some_and(|part| part.end() > end),
        };
        if is_contrary || self.packets.len() >= MAX_FRAGMENTS {
            return false;
        }
        if !fragment.has_more {
            self.end = Some(end);
        }
        if fragment.offset == 0 {
            self.protocol = fragment.protocol;
        }
        let mut cursor = fragment.offset;
        let mut at = self.parts.partition_point(|part| part.end() <= cursor);
        while cursor < end {
            let stop = match self.parts.get(at) {
                Some(part) if part.offset <= cursor => {
                    cursor = part.end();
                    at += 1;
                    continue;
                }
                Some(part) => part.offset.min(end),
                None => end,
            };
            let bytes = fragment.payload.bytes;
            let from = ((cursor - fragment.offset) as usize).min(bytes.len());
            let to = ((stop - fragment.offset) as usize).min(bytes.len());
            let captured = bytes.get(from..to).unwrap_or_default();
            let part = Part {
                offset: cursor,
                length: stop - cursor,
                at: self.bytes.len() as u32,
                captured: captured.len() as u32,
            };
            self.bytes.extend_from_slice(captured);
            self.parts.insert(at, part);
            self.covered = self.covered.saturating_add(part.length);
            at += 1;
            cursor = stop;
        }
        true
    }

    /// Where the datagram ends at the earliest, whose last fragment never came: behind all that came, or where UDP's own
    /// length (RFC 768) says.
    fn least_end(&self, bytes: &[u8]) -> u32 {
        let end = self.parts.last().map_or(0, Part::end);
        match (self.protocol, bytes) {
            (UDP, &[_, _, _, _, high, low, ..]) => end.max(u32::from(u16::from_be_bytes([high, low]))),
            _ => end,
        }
    }

    /// Whether all parts are there: they do not overlap and none lies behind the end.
    fn is_whole(&self) -> bool {
        self.end == Some(self.covered)
    }
}

impl Part {
    fn end(&self) -> u32 {
        self.offset.saturating_add(self.length)
    }
}

/// The number of UDP among the protocols over IP.
const UDP: u8 = 17;
/// The most fragments of one datagram: as many as there are offsets.
const MAX_FRAGMENTS: usize = 8192;
/// What a fragment counts beside its bytes.
const PART_COST_BYTES: usize = size_of::<Part>() + size_of::<PacketRef>() + 64;
/// An IPv4 header without options.
const IPV4_HEADER_BYTES: u32 = 20;
/// An IPv6 header and a fragment header.
const IPV6_HEADERS_BYTES: u32 = 48;
