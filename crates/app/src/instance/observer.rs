//! What goes along with the capture: packets to the ring, books to those who ask, and changes of what is captured.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use lanternfish_capture::InterfaceNames;
use lanternfish_model::{ConnectionKey, Endpoint, Loss, Timestamp, Transport};
use lanternfish_pipeline::RawPacket;
use lanternfish_pipeline::live::{Change, Observer};
use lanternfish_store::{RingWriter, Store};
use lanternfish_telemetry::Ledger;

use super::books::Books;
use super::control::Control;

/// Goes along with the capture of this machine.
pub(crate) struct Companion {
    pub(crate) store: Arc<Store>,
    pub(crate) books: Arc<Books>,
    pub(crate) control: Arc<Control>,
    /// Where the program itself listens: that traffic is not shown.
    pub(crate) own: Vec<SocketAddr>,
    ring: Option<RingWriter>,
    names: InterfaceNames,
    named: HashSet<(u32, u16)>,
    told: LossSince,
}

impl Companion {
    /// Goes along from the first packet on; `own` are the addresses that the program listens on.
    pub(crate) fn new(store: Arc<Store>, books: Arc<Books>, control: Arc<Control>, own: Vec<SocketAddr>) -> Companion {
        let ring = store.take_ring_writer();
        let (names, named) = (InterfaceNames::default(), HashSet::new());
        Companion { store, books, control, own, ring, names, named, told: LossSince::default() }
    }
}

impl Observer for Companion {
    fn is_own(&mut self, connection: &ConnectionKey) -> bool {
        let is_own = |end: Endpoint| {
            self.own.iter().any(|own| {
                own.port() == end.port
                    && (own.ip().is_unspecified() || own.ip().to_canonical() == end.ip.to_canonical())
            })
        };
        connection.transport == Transport::Tcp && (is_own(connection.low) || is_own(connection.high))
    }

    #[inline]
    fn packet(&mut self, raw: &RawPacket<'_>) {
        let Some(ring) = &mut self.ring else { return };
        let link = raw.link.0;
        if self.named.len() < MAX_INTERFACES && self.named.insert((raw.interface, link)) {
            ring.name_interface(raw.interface, link, &self.names.name(raw.interface));
        }
        ring.push(raw.packet.number, raw.packet.time, raw.interface, link, raw.wire_bytes, raw.bytes);
    }

    fn tick(&mut self, number: u64) {
        if let Some(ring) = &mut self.ring {
            ring.tick(Instant::now());
        }
        self.store.note_packet_number(number);
    }

    fn books(&mut self, now: Timestamp, books: Ledger) {
        self.store.append_loss(now, &self.told.more(books.loss()));
        self.books.tell(books);
    }

    fn change(&mut self) -> Option<Change> {
        self.control.next_change()
    }
}

/// Losses that rise, told in steps.
#[derive(Debug, Default)]
pub(crate) struct LossSince(Loss);

impl LossSince {
    /// What came to the losses since the last call.
    pub(crate) fn more(&mut self, loss: &Loss) -> Loss {
        let mut more = Loss::default();
        for (cause, count) in loss.iter() {
            more.add(cause, count.saturating_sub(self.0.count(cause)));
        }
        self.0 = loss.clone();
        more
    }
}

/// The most interfaces whose names are looked up.
const MAX_INTERFACES: usize = 1024;

#[cfg(test)]
mod tests {
    use lanternfish_model::Cause;

    use super::*;

    #[test]
    fn losses_are_told_once() {
        let (mut since, mut loss) = (LossSince::default(), Loss::default());
        loss.add(Cause::KernelDrop, 3);
        assert_eq!(since.more(&loss).count(Cause::KernelDrop), 3);
        assert_eq!(since.more(&loss), Loss::default());
        loss.add(Cause::KernelDrop, 2);
        loss.add(Cause::StreamGap, 9);
        let more = since.more(&loss);
        assert_eq!((more.count(Cause::KernelDrop), more.count(Cause::StreamGap)), (2, 9));
    }
}
