//! Reads a capture item by item, and finds its way behind damage.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use crate::block::{self, Frame};
use crate::input::{MAX_BLOCK_BYTES, Window};
use crate::item::{Comment, Interface, Item, NO_OPTIONS, Names, Packet, Secrets};
use crate::options::{self, Options};
use crate::pcap::{Pcap, Record};
use crate::pcapng::{Content, Pcapng};

/// The most notes that are kept; all are counted.
pub const MAX_NOTES: usize = 64;

/// Why a capture could not be read at all, or no further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The input failed, or its compression did at its beginning.
    #[error("cannot read the capture: {0}")]
    Io(#[from] io::Error),
    /// There are no bytes.
    #[error("the capture is empty")]
    Empty,
    /// It is something else.
    #[error("neither pcap nor pcapng, it begins with {}", Hex(*magic))]
    NotACapture {
        /// Its first bytes.
        magic: [u8; 4],
    },
    /// It ends within its header.
    #[error("the capture ends within its header")]
    HeaderCut,
    /// It is of a version that is not known.
    #[error("unknown version {major}.{minor} of the capture format")]
    UnknownVersion {
        /// The major version.
        major: u16,
        /// The minor version.
        minor: u16,
    },
}

struct Hex([u8; 4]);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Something that was wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where, in the decompressed file.
    pub offset: u64,
    /// How many bytes could not be read for it.
    pub bytes: u64,
    /// What.
    pub what: &'static str,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}, {} bytes not read", self.what, self.offset, self.bytes)
    }
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets given.
    pub packets: u64,
    /// Bytes that could not be read as packets or blocks.
    pub skipped_bytes: u64,
    /// Whole blocks of kinds that are not read (custom blocks and the like).
    pub other_blocks: u64,
    /// Notes, with those that were not kept.
    pub notes: u64,
    /// Whether the file ends within a record or its compression broke off.
    pub is_truncated: bool,
}

/// Reads a capture file.
pub struct Reader {
    window: Window,
    format: Format,
    interfaces: Vec<Interface>,
    pending: Option<Pending>,
    counters: Counters,
    notes: Vec<Note>,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// Comments of the block consumed last that were not given yet.
struct Pending {
    total_bytes: usize,
    interface: Option<u32>,
    options: Range<usize>,
}

impl Reader {
    /// Undoes compression and reads the file header. What is no capture file is an error here; damage behind the
    /// header never is.
    pub fn new(input: Box<dyn Read + Send>) -> Result<Self, ReadError> {
        let mut window = Window::new(input)?;
        window.fill(Pcap::HEADER_BYTES);
        let head = window.bytes();
        let Some(&magic) = head.first_chunk::<4>() else {
            let is_empty = head.is_empty();
            return Err(match window.take_failure() {
                Some(error) => ReadError::Io(error),
                None if is_empty => ReadError::Empty,
                None => ReadError::HeaderCut,
            });
        };
        let mut interfaces = Vec::new();
        let format = if magic == SECTION_MAGIC {
            Format::Pcapng(open_pcapng(head)?)
        } else if Pcap::is_magic(magic) {
            let (pcap, interface) = Pcap::open(head)?;
            interfaces.push(interface);
            window.consume(Pcap::HEADER_BYTES);
            Format::Pcap(pcap)
        } else {
            return Err(ReadError::NotACapture { magic });
        };
        Ok(Reader { window, format, interfaces, pending: None, counters: Counters::default(), notes: Vec::new() })
    }

    /// The next item; none at the end. An error is the input's own, and reading can't go on behind it.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "what it gives is borrowed from the reader")]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, ReadError> {
        match &mut self.format {
            Format::Pcap(_) => self.next_record(),
            Format::Pcapng(_) => self.next_block(),
        }
    }

    /// The interfaces of the section that is being read, at most [`crate::MAX_INTERFACES`].
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// What was read so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What was wrong so far, at most [`MAX_NOTES`].
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Packets that the file says were lost before they were written to it.
    pub fn dropped_packets(&self) -> u64 {
        let before = match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.dropped_before(),
        };
        self.interfaces.iter().fold(before, |sum, interface| sum.saturating_add(interface.dropped))
    }

    #[inline]
    fn next_record(&mut self) -> Result<Option<Item<'_>>, ReadError> {
        loop {
            let Format::Pcap(pcap) = &mut self.format else { return Ok(None) };
            match pcap.record(self.window.bytes()) {
                Record::Whole { time, header_bytes, total_bytes, wire_len } => {
                    self.window.consume(total_bytes);
                    self.counters.packets = self.counters.packets.saturating_add(1);
                    let record = self.window.consumed(total_bytes);
                    let link = self.interfaces.first().map_or(0, |interface| interface.link);
                    let bytes = record.get(header_bytes..).unwrap_or_default();
                    let memory = self.window.memory(bytes.len());
                    let packet = Packet { time, interface: 0, link, bytes, wire_len, memory, options: NO_OPTIONS };
                    return Ok(Some(Item::Packet(packet)));
                }
                Record::Need(bytes) => {
                    if !self.window.fill(bytes) && !self.resync_cut() {
                        self.end()?;
                        return Ok(None);
                    }
                }
                Record::Corrupt => {
                    self.resync("corrupt record");
                }
            }
        }
    }

    #[inline]
    fn next_block(&mut self) -> Result<Option<Item<'_>>, ReadError> {
        if self.pending.is_some()
            && let Some((total_bytes, interface, range)) = self.next_comment()
        {
            let text = options::text(self.window.consumed(total_bytes).get(range).unwrap_or_default());
            return Ok(Some(Item::Comment(Comment { interface, text })));
        }
        loop {
            let Format::Pcapng(pcapng) = &mut self.format else { return Ok(None) };
            let bytes = self.window.bytes();
            let (kind, total_bytes) = match block::frame(pcapng.order(), bytes, MAX_BLOCK_BYTES) {
                Frame::Whole { kind, total_bytes } => (kind, total_bytes),
                Frame::Need(bytes) => {
                    if self.window.fill(bytes) || self.resync_cut() {
                        continue;
                    }
                    self.end()?;
                    return Ok(None);
                }
                Frame::Corrupt => {
                    self.resync("corrupt block");
                    continue;
                }
            };
            let content = pcapng.content(kind, bytes.get(..total_bytes).unwrap_or_default(), &mut self.interfaces);
            let order = pcapng.order();
            self.window.consume(total_bytes);
            match content {
                Content::Packet { time, interface, link, wire_len, data, options, dropped } => {
                    self.counters.packets = self.counters.packets.saturating_add(1);
                    if dropped > 0
                        && let Some(interface) = self.interfaces.get_mut(interface as usize)
                    {
                        interface.dropped = interface.dropped.saturating_add(dropped);
                    }
                    let block = self.window.consumed(total_bytes);
                    let memory = self.window.memory(total_bytes.saturating_sub(data.start));
                    let bytes = block.get(data).unwrap_or_default();
                    let options = Options::new(block.get(options).unwrap_or_default(), order);
                    let packet = Packet { time, interface, link, bytes, wire_len, memory, options };
                    return Ok(Some(Item::Packet(packet)));
                }
                Content::Names(records) => {
                    let records = self.window.consumed(total_bytes).get(records).unwrap_or_default();
                    return Ok(Some(Item::Names(Names { records: Options::new(records, order) })));
                }
                Content::Secrets { kind, data } => {
                    let bytes = self.window.consumed(total_bytes).get(data).unwrap_or_default();
                    return Ok(Some(Item::Secrets(Secrets { kind, bytes })));
                }
                Content::Drops(drops) => return Ok(Some(Item::Drops(drops))),
                Content::Comments { interface, options } => {
                    self.pending = Some(Pending { total_bytes, interface, options });
                    if let Some((total_bytes, interface, range)) = self.next_comment() {
                        let text = options::text(self.window.consumed(total_bytes).get(range).unwrap_or_default());
                        return Ok(Some(Item::Comment(Comment { interface, text })));
                    }
                }
                Content::Other => self.counters.other_blocks = self.counters.other_blocks.saturating_add(1),
                Content::Bad(what) => {
                    let bytes = total_bytes as u64;
                    self.note(self.window.offset().saturating_sub(bytes), bytes, what);
                }
            }
        }
    }

    /// Where the next pending comment stands in the block consumed last.
    fn next_comment(&mut self) -> Option<(usize, Option<u32>, Range<usize>)> {
        let pending = self.pending.as_mut()?;
        let Format::Pcapng(pcapng) = &self.format else { return None };
        let block = self.window.consumed(pending.total_bytes);
        let bytes = block.get(pending.options.clone()).unwrap_or_default();
        let mut options = Options::new(bytes, pcapng.order());
        loop {
            let begin = pending.options.end.saturating_sub(options.left());
            let Some((code, value)) = options.next() else { break };
            if code == options::COMMENT {
                pending.options.start = pending.options.end.saturating_sub(options.left());
                let begin = begin.saturating_add(4);
                return Some((pending.total_bytes, pending.interface, begin..begin.saturating_add(value.len())));
            }
        }
        self.pending = None;
        None
    }

    /// A record that reaches past the end of the input is either cut there, or its length is damaged and others stand
    /// in what is left; false in the first case.
    #[cold]
    fn resync_cut(&mut self) -> bool {
        if self.window.bytes().is_empty() {
            return false;
        }
        if self.resync("length beyond the end of the file") {
            return true;
        }
        self.counters.is_truncated = true;
        if let Some(note) = self.notes.last_mut() {
            note.what = "the file ends within a record";
        }
        false
    }

    /// Looks for the next place where a record or block may begin, and counts what stands before it; each byte is
    /// passed over once. False where the input ends first.
    #[cold]
    fn resync(&mut self, what: &'static str) -> bool {
        let offset = self.window.offset();
        let mut skipped = 0u64;
        let mut is_at_end = false;
        // The first byte begins what was found to be no record.
        let mut at = 1usize;
        loop {
            let bytes = self.window.bytes();
            let found = loop {
                let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break None };
                let plausible = match &self.format {
                    Format::Pcap(pcap) => pcap.is_plausible(rest, is_at_end),
                    Format::Pcapng(pcapng) => block::is_plausible(pcapng.order(), rest, is_at_end),
                };
                match plausible {
                    Ok(true) => break Some(0),
                    Ok(false) => at = at.saturating_add(1),
                    Err(need) => break Some(need),
                }
            };
            let passed = at.min(bytes.len());
            self.window.consume(passed);
            skipped = skipped.saturating_add(passed as u64);
            at = 0;
            match found {
                Some(0) => break,
                Some(need) => is_at_end = !self.window.fill(need),
                None if !self.window.fill(1) => break,
                None => {}
            }
        }
        self.note(offset, skipped, what);
        !self.window.bytes().is_empty()
    }

    /// Tells why the input ended.
    #[cold]
    fn end(&mut self) -> Result<(), ReadError> {
        match self.window.take_failure() {
            Some(_) if self.window.is_compressed() => {
                self.counters.is_truncated = true;
                self.note(self.window.offset(), 0, "the compressed data is damaged or ends early");
                Ok(())
            }
            Some(error) => Err(ReadError::Io(error)),
            None => Ok(()),
        }
    }

    fn note(&mut self, offset: u64, bytes: u64, what: &'static str) {
        self.counters.notes = self.counters.notes.saturating_add(1);
        self.counters.skipped_bytes = self.counters.skipped_bytes.saturating_add(bytes);
        if self.notes.len() < MAX_NOTES {
            self.notes.push(Note { offset, bytes, what });
        }
    }
}

/// Checks the first section header without consuming it.
fn open_pcapng(head: &[u8]) -> Result<Pcapng, ReadError> {
    let magic = SECTION_MAGIC;
    let bytes = head.get(8..).and_then(|rest| rest.first_chunk::<4>()).ok_or(ReadError::HeaderCut)?;
    let order = block::section_order(*bytes).ok_or(ReadError::NotACapture { magic })?;
    let (major, minor) = (order.u16_at(head, 12), order.u16_at(head, 14));
    match (major, minor) {
        (Some(1), Some(_)) => Ok(Pcapng::new(order)),
        (Some(major), Some(minor)) => Err(ReadError::UnknownVersion { major, minor }),
        _ => Err(ReadError::HeaderCut),
    }
}

const SECTION_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
