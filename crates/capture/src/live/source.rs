//! The live source: one packet socket with its ring, its filter and its counters.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::copies::CopyCounter;
use super::interface::{ETHERNET_TYPES, RAW_IP_TYPES};
use super::ring::Ring;
use super::{Block, FilterPlace, LiveConfig, LiveStats, UserFilter, sys};
use crate::bpf::{Branch, LoopbackCopies, kernel_program};
use crate::{CaptureError, Instruction};

/// Packets of this machine's interfaces.
pub struct LiveSource {
    // The ring is unmapped before the socket is closed.
    ring: Ring,
    socket: OwnedFd,
    copies: CopyCounter,
    config: LiveConfig,
    filter: Option<UserFilter>,
    named: Option<Named>,
    stats: LiveStats,
    blocks: u64,
    /// Since when no packets are taken in, where that is so.
    closed_at: Option<Instant>,
}

/// The interfaces that were asked for by name.
struct Named {
    names: Vec<String>,
    /// Their indexes, 0 for those that are not there.
    indexes: Vec<u32>,
    events: OwnedFd,
    looked_at: Instant,
}

impl LiveSource {
    /// Opens the socket and begins to take in packets.
    pub fn open(config: LiveConfig) -> Result<LiveSource, CaptureError> {
        let mut source = LiveSource::open_paused(config)?;
        source.resume()?;
        Ok(source)
    }

    /// Opens the socket; it takes in packets once it is told to resume.
    pub fn open_paused(config: LiveConfig) -> Result<LiveSource, CaptureError> {
        let named = Named::new(&config)?;
        let filter = match &config.filter {
            Some(filter) => Some(UserFilter::compile(&filter.expression, config.snaplen)?),
            None => None,
        };
        let socket = sys::packet_socket()?;
        // Nothing is let in until all is set, so that not one packet goes round the filter.
        sys::attach_filter(&socket, &NOTHING)?;
        let ring = Ring::new(&socket, config.ring_bytes, config.block_bytes, config.retire_ms)?;
        sys::bind(&socket, sys::ALL_INTERFACES)?;
        let copies = CopyCounter::open(&NOTHING)?;
        let (stats, closed_at) = (LiveStats::default(), Some(Instant::now()));
        Ok(LiveSource { ring, socket, copies, config, filter, named, stats, blocks: 0, closed_at })
    }

    /// The next block of packets, or nothing where none came within `timeout_ms` (or, closed, where all were taken).
    pub fn poll(&mut self, timeout_ms: i32) -> Result<Option<Block<'_>>, CaptureError> {
        if self.named.as_ref().is_some_and(|named| named.looked_at.elapsed() >= LOOK_EVERY) {
            self.follow_interfaces()?;
        }
        if !self.ring.is_ready() {
            if self.is_drained()? {
                return Ok(None);
            }
            sys::wait(&self.socket, self.named.as_ref().map(|named| &named.events), timeout_ms)?;
            self.follow_interfaces()?;
        }
        self.blocks = self.blocks.wrapping_add(1);
        if self.blocks.is_multiple_of(BLOCKS_PER_STATISTICS) {
            self.read_statistics()?;
        }
        let filter = if self.is_filter_in_program() { self.filter.as_ref() } else { None };
        let stats = &mut self.stats;
        Ok(self.ring.take().map(|block| Block::new(block, stats, filter)))
    }

    /// The counters up to now.
    pub fn stats(&mut self) -> Result<LiveStats, CaptureError> {
        self.read_statistics()?;
        Ok(self.stats)
    }

    /// Takes in no more packets; those in the ring can still be polled. Packets that pass meanwhile are not counted.
    pub fn pause(&mut self) -> Result<(), CaptureError> {
        sys::attach_filter(&self.socket, &NOTHING)?;
        self.copies.attach(&NOTHING)?;
        self.closed_at.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Takes in packets again.
    pub fn resume(&mut self) -> Result<(), CaptureError> {
        self.closed_at = None;
        self.attach_filter()
    }

    /// Whether the source is paused and every packet that it took in was polled: then
    /// `received = dropped + taken()` holds exactly.
    pub fn is_drained(&mut self) -> Result<bool, CaptureError> {
        match self.closed_at {
            // A packet that was on its way when the filter changed is in the ring long before this time has passed.
            Some(since) if since.elapsed() >= SETTLE => {}
            _ => return Ok(false),
        }
        self.read_statistics()?;
        Ok(self.stats.received == self.stats.dropped.saturating_add(self.stats.taken()))
    }

    /// The named interfaces that are not there yet.
    pub fn missing_interfaces(&self) -> Vec<&str> {
        let Some(named) = &self.named else {
            return Vec::new();
        };
        let pairs = named.names.iter().zip(&named.indexes);
        pairs.filter(|(_, index)| **index == 0).map(|(name, _)| name.as_str()).collect()
    }

    /// The size of the ring, which counts as memory of this program.
    pub fn ring_bytes(&self) -> usize {
        self.ring.bytes()
    }

    /// Looks whether named interfaces came or went.
    fn follow_interfaces(&mut self) -> Result<(), CaptureError> {
        let Some(named) = &mut self.named else {
            return Ok(());
        };
        named.looked_at = Instant::now();
        if sys::drain_events(&named.events) && named.refresh() && self.closed_at.is_none() {
            self.attach_filter()?;
        }
        Ok(())
    }

    fn attach_filter(&mut self) -> Result<(), CaptureError> {
        let indexes = self.named.as_ref().map(|named| {
            let mut present: Vec<u32> = named.indexes.iter().copied().filter(|&index| index != 0).collect();
            present.dedup();
            present
        });
        let branches: Vec<Branch<'_>> = match &self.filter {
            Some(filter) if !self.is_filter_in_program() => vec![
                Branch { hardware_types: &ETHERNET_TYPES, program: filter.ethernet.as_ref() },
                Branch { hardware_types: &RAW_IP_TYPES, program: filter.raw_ip.as_ref() },
            ],
            _ => Vec::new(),
        };
        let program = |copies| kernel_program(copies, indexes.as_deref(), &branches, self.config.snaplen);
        self.copies.attach(&program(LoopbackCopies::Alone)?)?;
        sys::attach_filter(&self.socket, &program(LoopbackCopies::LeftOut)?)?;
        self.ask_for_all_frames();
        Ok(())
    }

    fn is_filter_in_program(&self) -> bool {
        self.config.filter.as_ref().is_some_and(|filter| filter.place == FilterPlace::Program)
    }

    /// An interface that can't do this (a tunnel) is captured as it is.
    fn ask_for_all_frames(&self) {
        if !self.config.is_promiscuous {
            return;
        }
        for index in self.named.iter().flat_map(|named| &named.indexes).filter(|index| **index != 0) {
            let _ = sys::set_promiscuous(&self.socket, *index);
        }
    }

    fn read_statistics(&mut self) -> Result<(), CaptureError> {
        let (packets, drops) = sys::read_statistics(&self.socket)?;
        // The kernel's packets include its drops with TPACKET_V3 (packet(7), PACKET_STATISTICS).
        self.stats.received = self.stats.received.saturating_add(u64::from(packets));
        let copies = self.copies.take()?;
        self.stats.received = self.stats.received.saturating_add(copies);
        self.stats.loopback_copies = self.stats.loopback_copies.saturating_add(copies);
        self.stats.dropped = self.stats.dropped.saturating_add(u64::from(drops));
        Ok(())
    }
}

impl Named {
    fn new(config: &LiveConfig) -> Result<Option<Named>, CaptureError> {
        let names = &config.interfaces;
        if names.is_empty() || names.iter().any(|name| name == "any") {
            return Ok(None);
        }
        if names.len() > LiveConfig::MAX_INTERFACES {
            return Err(CaptureError::TooManyInterfaces { count: names.len(), limit: LiveConfig::MAX_INTERFACES });
        }
        for name in names {
            let is_bad = |b: u8| b == b'/' || b == 0 || b.is_ascii_whitespace();
            if name.is_empty() || name.len() > MAX_NAME_BYTES || name.bytes().any(is_bad) {
                return Err(CaptureError::InterfaceName { name: name.clone() });
            }
        }
        // The events come first: an interface that appears in between is seen by one or the other.
        let events = sys::link_event_socket()?;
        let mut named = Named { names: names.clone(), indexes: Vec::new(), events, looked_at: Instant::now() };
        named.refresh();
        Ok(Some(named))
    }

    /// Looks all indexes up; true where one has changed.
    fn refresh(&mut self) -> bool {
        let indexes: Vec<u32> = self.names.iter().map(|name| sys::interface_index(name).unwrap_or(0)).collect();
        let is_changed = indexes != self.indexes;
        self.indexes = indexes;
        is_changed
    }
}

/// The filter that lets nothing in.
const NOTHING: [Instruction; 1] = [Instruction::statement(0x06, 0)];
/// How often a busy source looks for events of interfaces.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long after a change of filter a packet may still come in under the old one.
const SETTLE: Duration = Duration::from_millis(20);
/// After how many calls of `poll` the kernel's counters are read, long before their 32 bits can wrap.
const BLOCKS_PER_STATISTICS: u64 = 1024;
/// `IFNAMSIZ` without the closing zero.
const MAX_NAME_BYTES: usize = 15;
