//! A worker's thread.

use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use lanternfish_telemetry::Ledger;
use lanternfish_wire::View;

use super::{Batch, BatchPacket, Place};
use crate::{Chunk, Ingest, Worker};

/// Works through batches until one is the last or nobody wants the results; gives the books.
pub(super) fn work(mut worker: Worker, seed: u64, batches: Receiver<Batch>, results: SyncSender<Batch>) -> Ledger {
    let mut headers = Ingest::new(seed, None);
    let piece = |chunk: Chunk| results.send(Batch { chunk, has_more: true, ..Batch::default() }).is_ok();
    'batches: for mut batch in batches {
        if let Some(border) = batch.border {
            while worker.advance(border.time, border.next_packet) {
                if !piece(worker.take(Chunk::default())) {
                    break 'batches;
                }
            }
            if border.is_looking {
                worker.give_up(border.time, border.next_packet);
            }
        }
        for packet in &batch.packets {
            take(&mut worker, &mut headers, &batch, packet);
            if worker.is_full() && !piece(worker.take_entries(Chunk::default())) {
                break 'batches;
            }
        }
        worker.release(Instant::now());
        let end = batch.end;
        batch.shared.clear();
        batch.chunk = worker.take(std::mem::take(&mut batch.chunk));
        batch.books = batch.is_asked.then(|| Box::new(worker.ledger()));
        if results.send(batch).is_err() {
            break;
        }
        if let Some((time, next_packet)) = end {
            while worker.advance(time, next_packet) {
                if !piece(worker.take(Chunk::default())) {
                    break 'batches;
                }
            }
            while worker.finish() {
                if !piece(worker.take(Chunk::default())) {
                    break 'batches;
                }
            }
            // The other side may be gone already, when no more entries are wanted.
            let _ = results.send(Batch { chunk: worker.take(Chunk::default()), ..Batch::default() });
            break;
        }
    }
    worker.ledger()
}

/// Takes a packet of a batch. What its headers count was counted where it was spread.
#[inline]
fn take(worker: &mut Worker, headers: &mut Ingest, batch: &Batch, packet: &BatchPacket) {
    let (memory, start, length) = match packet.bytes {
        Place::Shared { memory, start, length } => {
            (batch.shared.get(memory as usize).map(|memory| memory.as_slice()), start, length)
        }
        Place::Own { start, length } => (Some(batch.bytes.as_slice()), start, length),
        Place::Whole { position, at } => {
            let Some(whole) = batch.wholes.get(position) else { return };
            if let Some(datagram) = headers.read_whole(whole) {
                let (key, hash, _) = headers.place(&datagram);
                worker.whole(whole, &datagram, &key, hash, packet.interface, at);
            }
            return;
        }
    };
    let bytes = memory.and_then(|memory| memory.get(start..start.saturating_add(length))).unwrap_or_default();
    if let View::Datagram(datagram) = lanternfish_wire::read(packet.link, bytes, packet.wire_bytes) {
        let (key, hash, _) = headers.place(&datagram);
        worker.datagram(&datagram, &key, hash, packet.packet, packet.interface, &[]);
    }
}
