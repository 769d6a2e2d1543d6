//! Writes captures: pcapng with time stamps in nanoseconds, and pcap in nanoseconds (magic number 0xa1b23c4d).
//!
//! Everything is written in little-endian order, one `write_all` a block; give it a buffered output.

use std::io::{self, Write};
use std::net::IpAddr;

use lanternfish_model::Timestamp;

use crate::block::kind;

/// Writes a pcapng file of one section.
pub struct PcapngWriter<W: Write> {
    output: W,
    block: Vec<u8>,
    interfaces: u32,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header. `application` names the program that made the file.
    pub fn new(output: W, application: &str) -> io::Result<Self> {
        Self::with_comment(output, application, "")
    }

    /// Writes the section header with a comment on the whole file; an empty one is left out.
    pub fn with_comment(output: W, application: &str, comment: &str) -> io::Result<Self> {
        let mut writer = PcapngWriter { output, block: Vec::with_capacity(2048), interfaces: 0 };
        writer.begin(kind::SECTION);
        writer.put(&0x1a2b_3c4du32.to_le_bytes());
        writer.put(&1u16.to_le_bytes());
        writer.put(&0u16.to_le_bytes());
        writer.put(&u64::MAX.to_le_bytes());
        writer.option(SHB_USER_APPLICATION, application.as_bytes());
        if !comment.is_empty() {
            writer.option(crate::options::COMMENT, comment.as_bytes());
        }
        writer.end_options();
        writer.finish()?;
        Ok(writer)
    }

    /// Adds an interface and gives its number. An empty name is left out.
    pub fn interface(&mut self, link: u16, snaplen: u32, name: &str) -> io::Result<u32> {
        self.begin(kind::INTERFACE);
        self.put(&link.to_le_bytes());
        self.put(&[0; 2]);
        self.put(&snaplen.to_le_bytes());
        if !name.is_empty() {
            self.option(IF_NAME, name.as_bytes());
        }
        self.option(IF_TSRESOL, &[9]);
        self.end_options();
        self.finish()?;
        let number = self.interfaces;
        self.interfaces = self.interfaces.saturating_add(1);
        Ok(number)
    }

    /// Adds a packet of an interface added before. A time before 1970 is written as 1970.
    pub fn packet(
        &mut self,
        interface: u32,
        time: Timestamp,
        bytes: &[u8],
        wire_len: u32,
        comment: Option<&str>,
    ) -> io::Result<()> {
        let captured = length_of(bytes)?;
        let count = u64::try_from(time.ns()).unwrap_or(0);
        self.begin(kind::ENHANCED_PACKET);
        self.put(&interface.to_le_bytes());
        self.put(&((count >> 32) as u32).to_le_bytes());
        self.put(&(count as u32).to_le_bytes());
        self.put(&captured.to_le_bytes());
        self.put(&wire_len.max(captured).to_le_bytes());
        self.put_padded(bytes);
        if let Some(comment) = comment {
            self.option(crate::options::COMMENT, comment.as_bytes());
            self.end_options();
        }
        self.finish()
    }

    /// Adds names of addresses.
    pub fn names<'a>(&mut self, names: impl IntoIterator<Item = (IpAddr, &'a str)>) -> io::Result<()> {
        self.begin(kind::NAMES);
        for (ip, name) in names {
            let mut record = Vec::with_capacity(17usize.saturating_add(name.len()));
            let kind = match ip {
                IpAddr::V4(ip) => {
                    record.extend_from_slice(&ip.octets());
                    NRB_IPV4
                }
                IpAddr::V6(ip) => {
                    record.extend_from_slice(&ip.octets());
                    NRB_IPV6
                }
            };
            record.extend_from_slice(name.as_bytes());
            record.push(0);
            self.option(kind, &record);
        }
        self.end_options();
        self.finish()
    }

    /// Adds secrets; they must stand before the packets that they decrypt.
    pub fn secrets(&mut self, kind: u32, bytes: &[u8]) -> io::Result<()> {
        let length = length_of(bytes)?;
        self.begin(kind::SECRETS);
        self.put(&kind.to_le_bytes());
        self.put(&length.to_le_bytes());
        self.put_padded(bytes);
        self.finish()
    }

    /// Adds what an interface received and dropped until `time`.
    pub fn statistics(&mut self, interface: u32, time: Timestamp, received: u64, dropped: u64) -> io::Result<()> {
        let count = u64::try_from(time.ns()).unwrap_or(0);
        self.begin(kind::STATISTICS);
        self.put(&interface.to_le_bytes());
        self.put(&((count >> 32) as u32).to_le_bytes());
        self.put(&(count as u32).to_le_bytes());
        self.option(ISB_RECEIVED, &received.to_le_bytes());
        self.option(ISB_SYSTEM_DROPPED, &dropped.to_le_bytes());
        self.end_options();
        self.finish()
    }

    /// Writes out what the output holds back.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// The output.
    pub fn into_inner(self) -> W {
        self.output
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.put(&kind.to_le_bytes());
        self.put(&[0; 4]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn put_padded(&mut self, bytes: &[u8]) {
        self.put(bytes);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    /// A value longer than an option can be is cut.
    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.put(&code.to_le_bytes());
        self.put(&(value.len() as u16).to_le_bytes());
        self.put_padded(value);
    }

    fn end_options(&mut self) {
        self.put(&[0; 4]);
    }

    fn finish(&mut self) -> io::Result<()> {
        let total = length_of(&self.block)?.saturating_add(4).to_le_bytes();
        if let Some(length) = self.block.get_mut(4..8) {
            length.copy_from_slice(&total);
        }
        self.block.extend_from_slice(&total);
        self.output.write_all(&self.block)
    }
}

/// Writes a pcap file of one link type.
pub struct PcapWriter<W: Write> {
    output: W,
    record: Vec<u8>,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    pub fn new(mut output: W, link: u16, snaplen: u32) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend_from_slice(&0xa1b2_3c4du32.to_le_bytes());
        header.extend_from_slice(&2u16.to_le_bytes());
        header.extend_from_slice(&4u16.to_le_bytes());
        header.extend_from_slice(&[0; 8]);
        header.extend_from_slice(&snaplen.to_le_bytes());
        header.extend_from_slice(&u32::from(link).to_le_bytes());
        output.write_all(&header)?;
        Ok(PcapWriter { output, record: Vec::with_capacity(2048) })
    }

    /// Adds a packet. A time before 1970 or after 2106 is written as the nearest one that fits.
    pub fn packet(&mut self, time: Timestamp, bytes: &[u8], wire_len: u32) -> io::Result<()> {
        let captured = length_of(bytes)?;
        let ns = u64::try_from(time.ns()).unwrap_or(0);
        let seconds = u32::try_from(ns / 1_000_000_000).unwrap_or(u32::MAX);
        let fraction = (ns % 1_000_000_000) as u32;
        self.record.clear();
        for number in [seconds, fraction, captured, wire_len.max(captured)] {
            self.record.extend_from_slice(&number.to_le_bytes());
        }
        self.record.extend_from_slice(bytes);
        self.output.write_all(&self.record)
    }

    /// Writes out what the output holds back.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// The output.
    pub fn into_inner(self) -> W {
        self.output
    }
}

fn length_of(bytes: &[u8]) -> io::Result<u32> {
    match u32::try_from(bytes.len()) {
        Ok(length) if bytes.len() <= crate::MAX_BLOCK_BYTES => Ok(length),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} bytes do not fit one block", bytes.len()))),
    }
}

const SHB_USER_APPLICATION: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const NRB_IPV4: u16 = 1;
const NRB_IPV6: u16 = 2;
const ISB_RECEIVED: u16 = 4;
const ISB_SYSTEM_DROPPED: u16 = 7;
