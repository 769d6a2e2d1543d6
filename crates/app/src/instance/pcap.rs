//! Packets from the ring as a pcapng file: exact frames, with their times and interfaces.

use std::collections::HashMap;
use std::sync::Arc;

use lanternfish_api::{ByteStream, EngineError, PcapRequest, Queried};
use lanternfish_model::Timestamp;
use lanternfish_pcapfile::PcapngWriter;
use lanternfish_store::{RingPacket, Store};

use super::blocking::{self, Pipe, Waiting, failed};
use super::locate::{Packets, Source};
use super::scope::wanted;

/// The packets of a scope as a file that is made while it is read.
///
/// Where something is meant and none of its packets is in the ring any more, it is [`EngineError::Gone`].
pub(crate) async fn pcap(store: &Store, stored: &Queried, request: &PcapRequest) -> Result<ByteStream, EngineError> {
    let mut wanted = wanted(stored.query(), &request.scope).await?;
    let source = Source::of(store);
    let comment = comment(store, wanted.window);
    let is_anything_meant = wanted.window.is_some();
    blocking::write(move |pipe, waiting| {
        let located = source.locate(&mut wanted, waiting)?;
        let mut packets = source.packets(&located.runs);
        let next = packets.next(waiting)?;
        if next.is_none() && is_anything_meant {
            return Err(gone());
        }
        write(pipe, waiting, &comment, next, packets)
    })
    .await
}

/// All packets of a window, both ends included, as a file that is made while it is read.
pub(crate) async fn window(store: &Store, from: Timestamp, to: Timestamp) -> Result<ByteStream, EngineError> {
    let source = Source::of(store);
    let comment = comment(store, Some((from, to)));
    blocking::write(move |pipe, waiting| {
        let mut packets = source.within(from, to);
        let next = packets.next(waiting)?;
        write(pipe, waiting, &comment, next, packets)
    })
    .await
}

fn write(
    pipe: &mut Pipe,
    waiting: &Waiting,
    comment: &str,
    mut next: Option<RingPacket>,
    mut packets: Packets,
) -> Result<(), EngineError> {
    let mut file = File::new(pipe, comment)?;
    while let Some(packet) = next {
        file.packet(&packet)?;
        next = packets.next(waiting)?;
    }
    Ok(())
}

/// The error where nothing of what is meant is in the ring.
pub(super) fn gone() -> EngineError {
    EngineError::Gone("its packets are not kept any more: the packet ring is first in, first out".to_owned())
}

/// What is lacking in the time of the packets.
fn comment(store: &Store, window: Option<(Timestamp, Timestamp)>) -> String {
    let Some((from, to)) = window else { return String::new() };
    let lost = lanternfish_telemetry::losses(&store.loss(from, to));
    if lost.is_empty() { lost } else { format!("lost in the time of these packets: {lost}") }
}

/// A file under way.
struct File<'a> {
    writer: PcapngWriter<&'a mut Pipe>,
    /// By name and link type: the interface of the file.
    interfaces: HashMap<(Arc<str>, u16), u32>,
}

impl<'a> File<'a> {
    fn new(pipe: &'a mut Pipe, comment: &str) -> Result<File<'a>, EngineError> {
        let application = concat!("lanternfish ", env!("CARGO_PKG_VERSION"));
        let writer = PcapngWriter::with_comment(pipe, application, comment).map_err(|error| failed("write", &error))?;
        Ok(File { writer, interfaces: HashMap::new() })
    }

    fn packet(&mut self, packet: &RingPacket) -> Result<(), EngineError> {
        let written = self.interface(packet).and_then(|interface| {
            let time = packet.time.max(Timestamp::from_ns(0));
            self.writer.packet(interface, time, &packet.bytes, packet.wire_len, None)
        });
        written.map_err(|error| failed("write", &error))
    }

    fn interface(&mut self, packet: &RingPacket) -> std::io::Result<u32> {
        let key = (Arc::clone(&packet.interface), packet.link);
        if let Some(interface) = self.interfaces.get(&key) {
            return Ok(*interface);
        }
        if self.interfaces.len() >= MAX_INTERFACES {
            // A name more would be one too many: the packets are those of the link type without a name.
            let key = (Arc::from(""), packet.link);
            if let Some(interface) = self.interfaces.get(&key) {
                return Ok(*interface);
            }
            let interface = self.writer.interface(packet.link, 0, "")?;
            self.interfaces.insert(key, interface);
            return Ok(interface);
        }
        let interface = self.writer.interface(packet.link, 0, &packet.interface)?;
        self.interfaces.insert(key, interface);
        Ok(interface)
    }
}

/// The most interfaces with names of their own.
const MAX_INTERFACES: usize = 4096;

#[cfg(test)]
mod tests;
