//! Captures in memory: packets with their times, damage to their order and size, and the bytes of a capture file.

use lanternfish_model::Timestamp;
use lanternfish_pcapfile::{PcapWriter, PcapngWriter};

use crate::Random;

/// A packet and when it was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedPacket {
    /// When.
    pub time: Timestamp,
    /// The captured bytes.
    pub bytes: Vec<u8>,
    /// The length on the wire.
    pub wire_len: u32,
}

/// Packets of one link type in the order of their capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The link type.
    pub link: u16,
    /// The packets.
    pub packets: Vec<TimedPacket>,
}

impl Default for Capture {
    fn default() -> Self {
        Capture::ethernet()
    }
}

impl Capture {
    /// An empty capture of Ethernet frames.
    pub const fn ethernet() -> Self {
        Capture { link: 1, packets: Vec::new() }
    }

    /// An empty capture of IP packets without a link header.
    pub const fn raw() -> Self {
        Capture { link: 101, packets: Vec::new() }
    }

    /// Adds a packet.
    pub fn push(&mut self, time: Timestamp, bytes: Vec<u8>) {
        let wire_len = bytes.len() as u32;
        self.packets.push(TimedPacket { time, bytes, wire_len });
    }

    /// The packets of both in the order of their times.
    pub fn merge(mut self, other: Capture) -> Self {
        self.packets.extend(other.packets);
        self.packets.sort_by_key(|packet| packet.time);
        self
    }

    /// Swaps about one in `times` packets with the one behind it; the times stay in order.
    pub fn reorder(mut self, seed: u64, times: usize) -> Self {
        let mut random = Random::new(seed);
        for at in 1..self.packets.len() {
            if random.once_in(times) {
                self.packets.swap(at - 1, at);
                let (a, b) = (self.packets[at - 1].time, self.packets[at].time);
                (self.packets[at - 1].time, self.packets[at].time) = (b, a);
            }
        }
        self
    }

    /// Doubles about one in `times` packets.
    pub fn duplicate(mut self, seed: u64, times: usize) -> Self {
        let mut random = Random::new(seed);
        self.packets = self
            .packets
            .into_iter()
            .flat_map(|packet| {
                let count = if random.once_in(times) { 2 } else { 1 };
                std::iter::repeat_n(packet, count)
            })
            .collect();
        self
    }

    /// Loses about one in `times` packets.
    pub fn lose(mut self, seed: u64, times: usize) -> Self {
        let mut random = Random::new(seed);
        self.packets.retain(|_| !random.once_in(times));
        self
    }

    /// Loses the packet at an index.
    pub fn without(mut self, index: usize) -> Self {
        self.packets.remove(index);
        self
    }

    /// Keeps at most `bytes` of every packet, as a snaplen does.
    pub fn cut(mut self, bytes: usize) -> Self {
        for packet in &mut self.packets {
            packet.bytes.truncate(bytes);
        }
        self
    }

    /// The bytes of a pcap file with it.
    pub fn to_pcap(&self) -> Vec<u8> {
        let mut writer = PcapWriter::new(Vec::new(), self.link, 0x4_0000).unwrap();
        for packet in &self.packets {
            writer.packet(packet.time, &packet.bytes, packet.wire_len).unwrap();
        }
        writer.into_inner()
    }

    /// The bytes of a pcapng file with it.
    pub fn to_pcapng(&self) -> Vec<u8> {
        let mut writer = PcapngWriter::new(Vec::new(), "testkit").unwrap();
        let interface = writer.interface(self.link, 0x4_0000, "test0").unwrap();
        for packet in &self.packets {
            writer.packet(interface, packet.time, &packet.bytes, packet.wire_len, None).unwrap();
        }
        writer.into_inner()
    }
}
