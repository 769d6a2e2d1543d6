//! TCP segments (RFC 9293): the handshake, ACKs, data, FIN and RST.
//!
//! Checksums are never verified: captures on the sending host see them unset. Windows are not enforced.

use lanternfish_model::{Cause, CloseReason, PacketRef};
use lanternfish_wire::{Payload, TcpHeader};

use crate::half::{End, Marks};
use crate::queue::Piece;
use crate::record::{Class, Context, Record};
use crate::sequence::{MAX_AHEAD, MAX_BEHIND, MAX_RESET_DISTANCE, distance, is_at_or_after};
use crate::stream::Missing;
use crate::{PacketMeta, Sink};

impl<T> Record<T> {
    /// Takes a segment of an end.
    #[inline]
    pub(crate) fn tcp<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        meta: &PacketMeta<'_>,
        end: End,
        header: &TcpHeader,
        payload: Payload<'_>,
    ) {
        let flags = header.flags;
        if flags.syn() || flags.rst() {
            if flags.rst() {
                self.reset(end, header);
                return;
            }
            self.synchronize(meta.packet, end, header);
        } else {
            if header.window == 0 {
                let counts = self.counts(end);
                counts.zero_windows = counts.zero_windows.saturating_add(1);
            }
            if self.class == Class::Opening {
                let is_first = self.half(end).packets == 1 && self.half(end.other()).packets == 0;
                if !is_first || !payload.bytes.is_empty() || payload.missing > 0 {
                    self.class = Class::Established;
                }
            }
        }
        if flags.ack() {
            self.acknowledge(cx, end.other(), header, meta.packet);
        }
        self.data(cx, meta, end, header, payload);
        if flags.fin() {
            self.finish(cx, end, header, payload);
        }
    }

    /// Takes an acknowledgement of what `end` sent.
    #[inline]
    fn acknowledge<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        end: End,
        header: &TcpHeader,
        packet: PacketRef,
    ) {
        let ack = header.acknowledgement;
        if self.awaits_handshake {
            self.complete_handshake(end, header, packet);
        }
        let half = &mut self.halves[end as usize];
        let ahead = distance(half.next, ack);
        if half.marks.has(Marks::SAMPLE) && is_at_or_after(ack, half.sample_end) {
            half.marks.clear(Marks::SAMPLE);
            self.tails[end as usize].measure(packet.time.since(half.sample_time));
        }
        if half.marks.has(Marks::STARTED) && ahead > MAX_AHEAD {
            return;
        }
        if !half.marks.has(Marks::ACKED) || is_at_or_after(ack, half.acked) {
            half.acked = ack;
            half.marks.set(Marks::ACKED);
        }
        if ahead > 0 && half.marks.has(Marks::WAITING) {
            self.skip_acknowledged(cx, end, packet);
        }
    }

    fn complete_handshake(&mut self, end: End, header: &TcpHeader, packet: PacketRef) {
        let (half, ack) = (self.half(end), header.acknowledgement);
        if end == self.client {
            return;
        }
        if !half.marks.has(Marks::STARTED) && header.sequence == self.half(end.other()).next {
            // The server's SYN was not captured; the client has sent nothing yet and so acknowledges no more than that.
            self.start_at(end, ack.wrapping_sub(1));
        }
        if !self.half(end).marks.has(Marks::INITIAL) || ack != self.tails[end as usize].initial.wrapping_add(1) {
            return;
        }
        self.awaits_handshake = false;
        self.handshake_rtt_ns = packet.time.since(self.handshake_at).max(0);
    }

    /// Takes the payload.
    #[inline]
    fn data<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        meta: &PacketMeta<'_>,
        end: End,
        header: &TcpHeader,
        payload: Payload<'_>,
    ) {
        let half = &mut self.halves[end as usize];
        let is_next = half.marks.has(Marks::STARTED) && header.sequence == half.next;
        let is_plain = !half.marks.has(UNUSUAL) && !header.flags.syn() && payload.missing == 0;
        if !is_next || !is_plain {
            self.unusual_data(cx, meta, end, header, payload);
            return;
        }
        if payload.bytes.is_empty() {
            return;
        }
        let after = half.next.wrapping_add(payload.bytes.len() as u32);
        if !half.marks.has(Marks::SAMPLE) {
            half.marks.set(Marks::SAMPLE);
            half.sample_end = after;
            half.sample_time = meta.packet.time;
        }
        // An ACK that lies so far back would soon seem to lie ahead.
        if distance(half.acked, after) > MAX_AHEAD {
            half.marks.clear(Marks::ACKED);
        }
        self.give(cx, end, payload.bytes, header.acknowledgement, meta.packet, meta.fragments);
    }

    /// Takes a payload that does not simply follow.
    #[inline(never)]
    fn unusual_data<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        meta: &PacketMeta<'_>,
        end: End,
        header: &TcpHeader,
        payload: Payload<'_>,
    ) {
        let sequence = data_sequence(header);
        let extent = extent_of(payload);
        let half = self.half_mut(end);
        if !half.marks.has(Marks::STARTED) {
            if extent == 0 && !header.flags.fin() {
                return;
            }
            half.join_at(half.join_number(sequence));
        }
        let offset = distance(half.next, sequence);
        if extent == 0 {
            let is_probe = offset == -1 && !header.flags.fin() && !half.marks.has(Marks::ENDED);
            if is_probe && !header.flags.syn() {
                self.count_keep_alive(end);
            }
            return;
        }
        if !(-MAX_BEHIND..=MAX_AHEAD).contains(&offset) {
            self.stray(cx, meta, end, header, payload);
            return;
        }
        half.strays = 0;
        let is_behind_fin = half.marks.has(Marks::FIN) && is_at_or_after(sequence, half.fin);
        let is_seen = offset < 0 && extent <= offset.unsigned_abs() || is_behind_fin;
        if is_seen || half.marks.has(Marks::ENDED) {
            // RFC 9293 section 3.8.4: a keep-alive repeats one number that was acknowledged.
            let is_answered = half.marks.has(Marks::ACKED) && is_at_or_after(half.acked, half.next);
            if offset == -1 && extent == 1 && is_answered {
                self.count_keep_alive(end);
                return;
            }
            self.count_retransmission(end);
            cx.loss.add(Cause::OverlapUnchecked, payload.bytes.len() as u64);
            return;
        }
        let piece = Piece {
            sequence,
            acknowledgement: header.acknowledgement,
            bytes: payload.bytes,
            missing: extent.saturating_sub(payload.bytes.len() as u32),
            packet: meta.packet,
            fragments: meta.fragments,
        };
        self.place(cx, end, piece);
    }

    /// Takes a segment far from what is expected. Some in a row mean that the capture missed more than can be told.
    fn stray<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        meta: &PacketMeta<'_>,
        end: End,
        header: &TcpHeader,
        payload: Payload<'_>,
    ) {
        let sequence = data_sequence(header);
        let extent = extent_of(payload);
        let stray_next = std::mem::replace(&mut self.tails[end as usize].stray_next, sequence.wrapping_add(extent));
        let half = self.half_mut(end);
        let is_following = half.strays > 0 && (0..MAX_RESET_DISTANCE).contains(&distance(stray_next, sequence));
        half.strays = if is_following { half.strays.saturating_add(1) } else { 1 };
        if half.strays < STRAYS_BELIEVED || half.marks.has(Marks::ENDED) {
            cx.loss.add(Cause::OverlapUnchecked, payload.bytes.len() as u64);
            return;
        }
        half.strays = 0;
        while let Some(target) = self.hole_end(end) {
            let length = distance(self.half(end).next, target).max(0).cast_unsigned();
            self.gap(cx, end, length, meta.packet, Missing::Lost);
            self.drain(cx, end, None);
        }
        let half = self.half_mut(end);
        half.marks.clear(Marks::ACKED);
        if half.marks.has(Marks::ENDED) {
            return;
        }
        let length = sequence.wrapping_sub(half.next);
        self.gap(cx, end, length, meta.packet, Missing::Lost);
        let piece = Piece {
            sequence,
            acknowledgement: header.acknowledgement,
            bytes: payload.bytes,
            missing: extent.saturating_sub(payload.bytes.len() as u32),
            packet: meta.packet,
            fragments: meta.fragments,
        };
        self.place(cx, end, piece);
    }

    fn count_keep_alive(&mut self, end: End) {
        let counts = self.counts(end);
        counts.keep_alives = counts.keep_alives.saturating_add(1);
    }

    pub(crate) fn count_retransmission(&mut self, end: End) {
        // A sample that a retransmission may have answered is worthless (RFC 6298 section 3).
        self.half_mut(end).marks.clear(Marks::SAMPLE);
        let counts = self.counts(end);
        counts.retransmissions = counts.retransmissions.saturating_add(1);
    }

    /// Takes a SYN of this connection; the table has seen to it that it is not one of another.
    fn synchronize(&mut self, packet: PacketRef, end: End, header: &TcpHeader) {
        let half = self.half(end);
        if half.marks.has(Marks::INITIAL) {
            let is_first = half.packets == 1;
            if !is_first {
                self.awaits_handshake = false;
                self.count_retransmission(end);
            }
            return;
        }
        if half.marks.has(Marks::STARTED) {
            return;
        }
        self.start_at(end, header.sequence);
        if !header.flags.ack() {
            self.awaits_handshake = end == self.client;
            self.handshake_at = packet.time;
            return;
        }
        if !self.half(end.other()).marks.has(Marks::STARTED) {
            self.start_at(end.other(), header.acknowledgement.wrapping_sub(1));
        }
    }

    /// Takes a FIN.
    fn finish<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        end: End,
        header: &TcpHeader,
        payload: Payload<'_>,
    ) {
        let fin = data_sequence(header).wrapping_add(extent_of(payload));
        let half = self.half_mut(end);
        if half.marks.has(Marks::FIN) {
            if payload.bytes.is_empty() {
                self.count_retransmission(end);
            }
            return;
        }
        if !(-MAX_RESET_DISTANCE..=MAX_AHEAD).contains(&distance(half.next, fin)) {
            return;
        }
        half.fin = fin;
        half.marks.set(Marks::FIN);
        self.reach_end(cx, end);
        if self.half(end).marks.has(Marks::ACKED) && !self.half(end).marks.has(Marks::ENDED) {
            let packet = self.last;
            self.skip_acknowledged(cx, end, packet);
        }
        // Where only one direction is captured, its FIN is all that will be seen.
        let other = self.half(end.other());
        if other.marks.has(Marks::FIN) || other.packets == 0 {
            self.finish_as(CloseReason::Finished);
        }
    }

    /// Takes a RST, unless it lies too far from what is expected to be one of this connection.
    fn reset(&mut self, end: End, header: &TcpHeader) {
        if !self.is_reset_believable(end, header) {
            return;
        }
        let is_server = end != self.client;
        let is_answer = is_server && self.class == Class::Opening && self.half(self.client).marks.has(Marks::INITIAL);
        let has_accepted = self.half(end).marks.has(Marks::INITIAL);
        self.half_mut(end).marks.set(Marks::RST);
        self.finish_as(if is_answer && !has_accepted { CloseReason::Refused } else { CloseReason::Reset });
    }

    fn is_reset_believable(&self, end: End, header: &TcpHeader) -> bool {
        let (half, peer) = (self.half(end), self.half(end.other()));
        let is_near = |from: u32, to: u32| distance(from, to).unsigned_abs() <= MAX_RESET_DISTANCE.unsigned_abs();
        // It takes its number from the ACK of the segment that it answers (RFC 9293 section 3.5.2).
        let is_acked = half.marks.has(Marks::ACKED) && is_near(half.acked, header.sequence);
        if half.marks.has(Marks::STARTED) {
            return is_acked || is_near(half.next, header.sequence);
        }
        if header.flags.ack() && peer.marks.has(Marks::STARTED) {
            return is_near(peer.next, header.acknowledgement);
        }
        is_acked || !half.marks.has(Marks::ACKED)
    }

    /// Whether a SYN opens another connection with the same key.
    pub(crate) fn is_superseded(&self, end: End, header: &TcpHeader) -> bool {
        if !header.flags.syn() || header.flags.rst() {
            return false;
        }
        let half = self.half(end);
        let is_answer = header.flags.ack();
        if half.marks.has(Marks::INITIAL) {
            return header.sequence != self.tails[end as usize].initial && (!is_answer || self.class == Class::Closed);
        }
        if half.marks.has(Marks::STARTED) {
            // It was overtaken by the data behind it, or it has nothing to do with that.
            let behind = half.next.wrapping_sub(header.sequence);
            return !(1..=MAX_OVERTAKEN_BYTES).contains(&behind);
        }
        if is_answer {
            return self.class == Class::Closed;
        }
        // Both may open at the same time (RFC 9293 section 3.5).
        self.class != Class::Opening || !self.half(end.other()).marks.has(Marks::INITIAL)
    }

    /// Whether a segment holds numbers beyond all that were seen of its direction.
    pub(crate) fn is_news(&self, end: End, header: &TcpHeader, payload: Payload<'_>) -> bool {
        let half = self.half(end);
        if extent_of(payload) == 0 && !header.flags.fin() && !header.flags.syn() {
            return false;
        }
        if !half.marks.has(Marks::STARTED) {
            return true;
        }
        let waiting = self.queue(end).and_then(|queue| queue.end());
        let mut seen = waiting.unwrap_or(half.next);
        if half.marks.has(Marks::FIN) {
            seen = half.fin.wrapping_add(1);
        }
        (0..=MAX_AHEAD).contains(&distance(seen, header.sequence))
    }
}

/// The number of the first payload byte: a SYN takes one.
fn data_sequence(header: &TcpHeader) -> u32 {
    header.sequence.wrapping_add(u32::from(header.flags.syn()))
}

/// How many numbers a payload takes.
fn extent_of(payload: Payload<'_>) -> u32 {
    (payload.bytes.len() as u32).saturating_add(payload.missing).min(MAX_AHEAD.cast_unsigned())
}

/// What keeps data from the short path.
const UNUSUAL: Marks = Marks::WAITING;
/// How many segments in a row, far from what is expected, are believed.
const STRAYS_BELIEVED: u8 = 3;
/// How many bytes may overtake the SYN.
const MAX_OVERTAKEN_BYTES: u32 = 1 << 16;
