//! The bytes of a connection, put in order again from its packets in the ring, whatever its protocol is.

mod page;

use lanternfish_api::{EngineError, FollowPart, FollowRequest, PacketScope, Queried};
use lanternfish_model::Loss;
use lanternfish_pipeline::{Ingest, Ingested, RawPacket};
use lanternfish_reassembly::{Config, PacketMeta, Timeouts, Tracker, Whole};
use lanternfish_store::Store;
use lanternfish_wire::Datagram;

use self::page::Page;
use super::blocking::{self, Waiting};
use super::locate::{Interfaces, Located, Source};
use super::pcap::gone;
use super::scope::wanted;

/// A part of the bytes of a connection, in the order in which they were seen.
///
/// Where none of its packets is in the ring any more, it is [`EngineError::Gone`].
pub(crate) async fn follow(
    store: &Store,
    stored: &Queried,
    request: &FollowRequest,
) -> Result<FollowPart, EngineError> {
    let mut wanted = wanted(stored.query(), &PacketScope::Connection(request.connection)).await?;
    let Some(connection) = wanted.connection.clone() else { return Err(gone()) };
    let source = Source::of(store);
    let window = wanted.window;
    let mut page = Page::new(&connection, request);
    let mut part = blocking::run(move |waiting| {
        let located = source.locate(&mut wanted, waiting)?;
        let seen = reassemble(&source, &located, &mut page, waiting)?;
        if seen == 0 {
            return Err(gone());
        }
        let is_whole = source.first().is_some_and(|first| first <= connection.first);
        Ok(page.finish(if is_whole { None } else { connection.counted }))
    })
    .await?;
    if let Some((from, to)) = window {
        part.loss = store.loss(from, to);
    }
    Ok(part)
}

/// Gives the packets of one connection to a page; tells how many there were.
fn reassemble(source: &Source, located: &Located, page: &mut Page, waiting: &Waiting) -> Result<u64, EngineError> {
    let mut reassembly = Reassembly {
        tracker: Tracker::new(CONFIG),
        ingest: Ingest::new(CONFIG.seed, None),
        loss: Loss::default(),
        page,
    };
    let mut interfaces = Interfaces::default();
    let mut packets = source.packets(&located.runs);
    let mut count = 0;
    while let Some(packet) = packets.next(waiting)? {
        count += 1;
        reassembly.packet(&interfaces.raw(&packet));
    }
    reassembly.finish();
    Ok(count)
}

/// The stages from packets to the bytes of a connection.
struct Reassembly<'a> {
    tracker: Tracker<Page>,
    ingest: Ingest,
    loss: Loss,
    page: &'a mut Page,
}

impl Reassembly<'_> {
    fn packet(&mut self, raw: &RawPacket<'_>) {
        match self.ingest.read(raw) {
            Ingested::Datagram(datagram) => {
                let meta = PacketMeta { packet: raw.packet, interface: raw.interface, fragments: &[] };
                self.datagram(&meta, &datagram);
            }
            Ingested::Whole(whole) => self.whole(&whole, raw.interface),
            Ingested::Nothing => {}
        }
        self.ingest.advance(raw.packet.time);
        self.partial(raw.interface);
    }

    fn datagram(&mut self, meta: &PacketMeta<'_>, datagram: &Datagram<'_>) {
        let (key, hash, _) = self.ingest.place(datagram);
        self.tracker.datagram(self.page, meta, datagram, &key, hash, &mut self.loss);
    }

    fn whole(&mut self, whole: &Whole, interface: u32) {
        let datagram = self.ingest.read_whole(whole);
        if let (Some(datagram), Some((last, fragments))) = (datagram, whole.packets.split_last()) {
            self.datagram(&PacketMeta { packet: *last, interface, fragments }, &datagram);
        }
    }

    /// Takes datagrams of which fragments never came.
    fn partial(&mut self, interface: u32) {
        while let Some(whole) = self.ingest.next_partial() {
            self.whole(&whole, interface);
        }
    }

    fn finish(&mut self) {
        self.ingest.finish();
        self.partial(0);
        self.tracker.finish(self.page, &mut self.loss);
    }
}

/// One connection, which is over only when its packets are: it was found out before which they are.
const CONFIG: Config = Config {
    max_connections: 16,
    max_embryonic: 16,
    max_table_bytes: 1 << 20,
    max_buffered_bytes: 8 << 20,
    max_connection_buffered_bytes: 8 << 20,
    timeouts: Timeouts {
        tcp_opening_ns: FOREVER_NS,
        tcp_established_ns: FOREVER_NS,
        closed_ns: FOREVER_NS,
        udp_ns: FOREVER_NS,
        sctp_ns: FOREVER_NS,
        icmp_ns: FOREVER_NS,
    },
    max_hole_wait_ns: 10_000_000_000,
    report_interval_ns: None,
    seed: 0,
    ids: lanternfish_reassembly::Ids::FromPacket,
};
/// Longer than any capture.
const FOREVER_NS: i64 = i64::MAX / 4;

#[cfg(test)]
mod tests;
