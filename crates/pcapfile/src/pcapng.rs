//! The blocks of pcapng files (draft-ietf-opsawg-pcapng section 4): sections, interfaces, packets, names, secrets and
//! statistics. Other blocks are passed over.

use std::ops::Range;

use lanternfish_model::Timestamp;

use crate::block::{kind, section_order};
use crate::item::{Drops, Interface};
use crate::options::{self, Options, Order};
use crate::resolution::Resolution;

/// The most interfaces of a section of which names and drops are kept.
pub const MAX_INTERFACES: usize = 16_384;
/// How often the interfaces of a section, in their order, may differ from the one before in what packets need to know of
/// them; packets of interfaces behind that are counted as unreadable.
pub const MAX_INTERFACE_CHANGES: usize = 16_384;

/// The state of a pcapng file.
#[derive(Debug)]
pub(crate) struct Pcapng {
    order: Order,
    /// How many interfaces this section has so far.
    count: u32,
    /// The interfaces of this section: neighbours that are the same to a packet stand together.
    sources: Vec<Sources>,
    /// Packets that were lost on interfaces of earlier sections.
    dropped_before: u64,
    last_time: Timestamp,
}

/// Interfaces one after the other that are the same to a packet.
#[derive(Clone, Copy, Debug)]
struct Sources {
    /// The index of the first one, in the section.
    begin: u32,
    /// The index behind the last one.
    end: u32,
    source: Source,
}

/// What a packet needs to know of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    resolution: Resolution,
    link: u16,
    snaplen: u32,
}

/// What a block holds; ranges count from the beginning of the block.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Packet {
        time: Timestamp,
        interface: u32,
        link: u16,
        wire_len: u32,
        data: Range<usize>,
        options: Range<usize>,
        dropped: u64,
    },
    Names(Range<usize>),
    Secrets {
        kind: u32,
        data: Range<usize>,
    },
    Drops(Drops),
    /// Nothing but perhaps comments among these options.
    Comments {
        interface: Option<u32>,
        options: Range<usize>,
    },
    /// Nothing that is read.
    Other,
    /// It contradicts itself.
    Bad(&'static str),
}

impl Pcapng {
    pub fn new(order: Order) -> Self {
        Pcapng { order, count: 0, sources: Vec::new(), dropped_before: 0, last_time: Timestamp::from_ns(0) }
    }

    /// Packets that were lost on interfaces of earlier sections.
    pub fn dropped_before(&self) -> u64 {
        self.dropped_before
    }

    #[inline]
    fn source(&self, id: u32) -> Option<Source> {
        let found = match self.sources.as_slice() {
            [only] => Some(only),
            all => all.get(all.partition_point(|same| same.end <= id)),
        };
        found.filter(|same| same.begin <= id && id < same.end).map(|same| same.source)
    }

    /// The byte order of the section.
    #[inline]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Reads a whole block.
    #[inline]
    pub fn content(&mut self, kind: u32, block: &[u8], interfaces: &mut Vec<Interface>) -> Content {
        match kind {
            kind::ENHANCED_PACKET => self.enhanced_packet(block),
            _ => self.other(kind, block, interfaces),
        }
    }

    /// Section 4.3.
    #[inline]
    fn enhanced_packet(&mut self, block: &[u8]) -> Content {
        let Some(
            &[_, _, _, _, _, _, _, _, i0, i1, i2, i3, h0, h1, h2, h3, l0, l1, l2, l3, c0, c1, c2, c3, w0, w1, w2, w3],
        ) = block.first_chunk::<28>()
        else {
            return Content::Bad("packet block cut short");
        };
        let order = self.order;
        let count = u64::from(order.u32([h0, h1, h2, h3])) << 32 | u64::from(order.u32([l0, l1, l2, l3]));
        let (captured, wire_len) = (order.u32([c0, c1, c2, c3]), order.u32([w0, w1, w2, w3]));
        self.packet(order.u32([i0, i1, i2, i3]), count, captured, wire_len, block, 0)
    }

    #[inline]
    fn packet(&mut self, id: u32, count: u64, captured: u32, wire_len: u32, block: &[u8], dropped: u64) -> Content {
        let Some(source) = self.source(id) else {
            return Content::Bad("packet of an unknown interface");
        };
        let end = PACKET_DATA_OFFSET.saturating_add(captured as usize);
        let body_end = block.len().saturating_sub(4);
        if end > body_end {
            return Content::Bad("packet longer than its block");
        }
        let time = source.resolution.time(count);
        self.last_time = time;
        let options = end.next_multiple_of(4).min(body_end)..body_end;
        let dropped = match options.len() {
            0..=3 => dropped,
            _ => dropped.saturating_add(drop_count(self.options(block, &options))),
        };
        Content::Packet {
            time,
            interface: id,
            link: source.link,
            wire_len: wire_len.max(captured),
            data: PACKET_DATA_OFFSET..end,
            options,
            dropped,
        }
    }

    fn options<'a>(&self, block: &'a [u8], range: &Range<usize>) -> Options<'a> {
        Options::new(block.get(range.clone()).unwrap_or_default(), self.order)
    }

    #[inline(never)]
    fn other(&mut self, kind: u32, block: &[u8], interfaces: &mut Vec<Interface>) -> Content {
        let content = match kind {
            kind::SECTION => self.section(block, interfaces),
            kind::INTERFACE => self.interface(block, interfaces),
            kind::PACKET => self.old_packet(block),
            kind::SIMPLE_PACKET => self.simple_packet(block),
            kind::NAMES => Some(Content::Names(8..block.len().saturating_sub(4))),
            kind::SECRETS => self.secrets(block),
            kind::STATISTICS => self.statistics(block, interfaces),
            _ => Some(Content::Other),
        };
        content.unwrap_or(Content::Bad("block cut short"))
    }

    /// Section 4.1.
    fn section(&mut self, block: &[u8], interfaces: &mut Vec<Interface>) -> Option<Content> {
        self.order = section_order(*block.get(8..)?.first_chunk::<4>()?)?;
        self.count = 0;
        self.sources.clear();
        for interface in interfaces.drain(..) {
            self.dropped_before = self.dropped_before.saturating_add(interface.dropped);
        }
        if self.order.u16_at(block, 12)? != 1 {
            return Some(Content::Bad("section of an unknown version"));
        }
        Some(Content::Comments { interface: None, options: 24..block.len().saturating_sub(4) })
    }

    /// Section 4.2.
    fn interface(&mut self, block: &[u8], interfaces: &mut Vec<Interface>) -> Option<Content> {
        // One that can't be read has its number nevertheless.
        let id = self.count;
        self.count = id.saturating_add(1);
        let link = self.order.u16_at(block, 8)?;
        let snaplen = self.order.u32_at(block, 12)?;
        let options = 16..block.len().saturating_sub(4);
        let mut interface = Interface { link, snaplen, ..Interface::default() };
        let (mut resolution, mut offset_seconds) = (6, 0);
        for (code, value) in self.options(block, &options) {
            match (code, value) {
                (2, name) => interface.name = name_of(name),
                (9, &[exponent, ..]) => resolution = exponent,
                (14, value) => {
                    if let Some(offset) = value.first_chunk::<8>() {
                        offset_seconds = self.order.u64(*offset).cast_signed();
                    }
                }
                _ => {}
            }
        }
        let resolution = match (resolution, offset_seconds) {
            (6, 0) => Resolution::DEFAULT,
            (resolution, offset) => Resolution::new(resolution, offset),
        };
        if interfaces.len() < MAX_INTERFACES {
            interfaces.resize_with(id as usize, Interface::default);
            interfaces.push(interface);
        }
        let source = Source { resolution, link, snaplen };
        let changes = self.sources.len();
        match self.sources.last_mut() {
            Some(same) if same.source == source && same.end == id => same.end = self.count,
            _ if changes < MAX_INTERFACE_CHANGES => self.sources.push(Sources { begin: id, end: self.count, source }),
            _ => return Some(Content::Bad("too many interfaces")),
        }
        Some(Content::Comments { interface: Some(id), options })
    }

    /// Section 4.4. It has no time stamp and belongs to the first interface.
    fn simple_packet(&mut self, block: &[u8]) -> Option<Content> {
        let wire_len = self.order.u32_at(block, 8)?;
        let Some(source) = self.source(0) else {
            return Some(Content::Bad("packet of an unknown interface"));
        };
        let room = block.len().checked_sub(16)?;
        let kept = if source.snaplen == 0 { wire_len } else { wire_len.min(source.snaplen) };
        let end = 12usize.saturating_add(room.min(kept as usize));
        Some(Content::Packet {
            time: self.last_time,
            interface: 0,
            link: source.link,
            wire_len,
            data: 12..end,
            options: 0..0,
            dropped: 0,
        })
    }

    /// Appendix A: the packet block before there was the enhanced one.
    fn old_packet(&mut self, block: &[u8]) -> Option<Content> {
        let order = self.order;
        let interface = order.u16_at(block, 8)?;
        let dropped = match order.u16_at(block, 10)? {
            u16::MAX => 0,
            count => u64::from(count),
        };
        let count = u64::from(order.u32_at(block, 12)?) << 32 | u64::from(order.u32_at(block, 16)?);
        let (captured, wire_len) = (order.u32_at(block, 20)?, order.u32_at(block, 24)?);
        Some(self.packet(u32::from(interface), count, captured, wire_len, block, dropped))
    }

    /// Section 4.7.
    fn secrets(&self, block: &[u8]) -> Option<Content> {
        let kind = self.order.u32_at(block, 8)?;
        let length = self.order.u32_at(block, 12)? as usize;
        let end = 16usize.saturating_add(length).min(block.len().saturating_sub(4));
        Some(Content::Secrets { kind, data: 16..end.max(16) })
    }

    /// Section 4.6.
    fn statistics(&self, block: &[u8], interfaces: &mut [Interface]) -> Option<Content> {
        let id = self.order.u32_at(block, 8)?;
        let Some(interface) = interfaces.get_mut(id as usize) else {
            return Some(Content::Bad("statistics of an unknown interface"));
        };
        let mut drops = Drops { interface: id, ..Drops::default() };
        for (code, value) in self.options(block, &(20..block.len().saturating_sub(4))) {
            let Some(count) = value.first_chunk::<8>().map(|chunk| self.order.u64(*chunk)) else { continue };
            match code {
                4 => drops.received = Some(count),
                5 => drops.dropped_by_interface = Some(count),
                7 => drops.dropped_by_system = Some(count),
                _ => {}
            }
        }
        let dropped = drops.dropped_by_interface.unwrap_or(0).saturating_add(drops.dropped_by_system.unwrap_or(0));
        interface.dropped = interface.dropped.max(dropped);
        Some(Content::Drops(drops))
    }
}

/// epb_dropcount: packets lost between this one and the one before.
#[cold]
fn drop_count(mut options: Options<'_>) -> u64 {
    let value = options.find(|&(code, _)| code == 4).and_then(|(_, value)| value.first_chunk::<8>().copied());
    match value {
        Some(count) => options.order().u64(count),
        None => 0,
    }
}

fn name_of(value: &[u8]) -> String {
    options::text(value.get(..MAX_NAME_BYTES).unwrap_or(value)).to_owned()
}

/// Where the data of a packet begins in its block.
const PACKET_DATA_OFFSET: usize = 28;
/// The longest name of an interface that is kept.
const MAX_NAME_BYTES: usize = 256;
