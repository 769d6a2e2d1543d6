//! Bytes of a direction on their way to the sink: given in order, kept where earlier ones are missing, given up.

use lanternfish_model::{Cause, PacketRef, StreamPosition};
use smallvec::SmallVec;

use crate::half::{End, Marks};
use crate::queue::{Chunk, Piece, Queue, cost_of};
use crate::record::{Context, Record};
use crate::sequence::{distance, is_at_or_after};
use crate::{Sink, StreamData};

/// Why bytes never come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The capture did not see them.
    Lost,
    /// They were given up for a memory limit.
    Limit,
    /// The capture saw the packet but cut it.
    Cut,
}

impl<T> Record<T> {
    /// Gives bytes that are next in order.
    #[inline]
    pub(crate) fn give<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        end: End,
        bytes: &[u8],
        acknowledgement: u32,
        packet: PacketRef,
        fragments: &[PacketRef],
    ) {
        if !self.is_head_full {
            self.keep_head(end, bytes);
        }
        let half = &mut self.halves[end as usize];
        let position = StreamPosition { sequence: half.next, acknowledgement };
        half.next = half.next.wrapping_add(bytes.len() as u32);
        half.payload_bytes = half.payload_bytes.saturating_add(bytes.len() as u64);
        let is_start = half.marks.has(Marks::AT_START);
        half.marks.clear(Marks::AT_START);
        if self.is_ignored {
            return;
        }
        let data = StreamData {
            direction: self.direction(end),
            bytes,
            packet,
            fragments,
            position: Some(position),
            is_datagram: false,
            is_start,
            missing: 0,
            quoted_connection: None,
        };
        let verdict = cx.sink.data(&mut self.state, &self.facts, &data);
        self.obey(verdict);
    }

    /// Tells that the next bytes never come.
    pub(crate) fn gap<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        end: End,
        length: u32,
        packet: PacketRef,
        missing: Missing,
    ) {
        if length == 0 {
            return;
        }
        let half = self.half_mut(end);
        half.next = half.next.wrapping_add(length);
        half.marks.clear(Marks::AT_START);
        half.marks.clear(Marks::SAMPLE);
        let length = u64::from(length);
        match missing {
            Missing::Cut => half.payload_bytes = half.payload_bytes.saturating_add(length),
            Missing::Lost | Missing::Limit => {
                let cause = if missing == Missing::Lost { Cause::StreamGap } else { Cause::StreamBufferFull };
                cx.loss.add(cause, length);
                let counts = self.counts(end);
                counts.gap_bytes = counts.gap_bytes.saturating_add(length);
            }
        }
        if self.is_ignored {
            return;
        }
        let direction = self.direction(end);
        let verdict = cx.sink.gap(&mut self.state, &self.facts, direction, length, packet);
        self.obey(verdict);
    }

    /// Where the hole before the next waiting byte, or before a FIN, ends.
    pub(crate) fn hole_end(&self, end: End) -> Option<u32> {
        let half = self.half(end);
        let fin = (half.marks.has(Marks::FIN) && !half.marks.has(Marks::ENDED)).then_some(half.fin);
        let first = self.queue(end).and_then(Queue::first).map(|chunk| chunk.sequence);
        match (first, fin) {
            (Some(first), Some(fin)) => Some(if is_at_or_after(first, fin) { fin } else { first }),
            (first, fin) => first.or(fin),
        }
    }

    /// Gives up holes whose bytes the receiver has got: the capture did not see them.
    pub(crate) fn skip_acknowledged<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        end: End,
        packet: PacketRef,
    ) {
        while let Some(target) = self.hole_end(end) {
            let half = self.half(end);
            if !half.marks.has(Marks::ACKED) || !is_at_or_after(half.acked, target) {
                return;
            }
            self.skip_hole(cx, end, target, packet, Missing::Lost);
        }
    }

    /// Gives up the hole that ends at `target`, and gives what it held up.
    fn skip_hole<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        end: End,
        target: u32,
        packet: PacketRef,
        missing: Missing,
    ) {
        let length = distance(self.half(end).next, target).max(0).cast_unsigned();
        self.gap(cx, end, length, packet, missing);
        self.drain(cx, end, None);
    }

    /// Gives all bytes that are in order now, and the end where it is reached. `filler` is the packet that filled a hole.
    pub(crate) fn drain<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End, filler: Option<PacketRef>) {
        while self.half(end).marks.has(Marks::QUEUED) {
            let next = self.half(end).next;
            let Some(first) = self.queue(end).and_then(Queue::first) else {
                self.half_mut(end).marks.clear(Marks::QUEUED);
                break;
            };
            if distance(next, first.sequence) > 0 {
                break;
            }
            let Some(chunk) = self.pop(cx, end) else { break };
            self.give_chunk(cx, end, &chunk, filler);
        }
        self.reach_end(cx, end);
    }

    fn give_chunk<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        end: End,
        chunk: &Chunk,
        filler: Option<PacketRef>,
    ) {
        let half = self.half(end);
        let seen = distance(chunk.sequence, half.next).max(0).cast_unsigned();
        if seen >= chunk.length.saturating_add(chunk.missing) && seen > 0 {
            return;
        }
        let filler = filler.filter(|filler| *filler != chunk.packet);
        if filler.is_some() {
            let counts = self.counts(end);
            counts.out_of_order = counts.out_of_order.saturating_add(1);
        }
        if self.is_ignored || chunk.bytes.is_empty() {
            // Nobody wants the bytes: only their number counts.
            let length = chunk.length.saturating_sub(seen);
            let half = self.half_mut(end);
            half.next = half.next.wrapping_add(length);
            half.payload_bytes = half.payload_bytes.saturating_add(u64::from(length));
        } else {
            let bytes = chunk.bytes.get(seen as usize..).unwrap_or_default();
            let mut fragments: SmallVec<[PacketRef; 2]> = SmallVec::from_slice(&chunk.fragments);
            fragments.extend(filler);
            self.give(cx, end, bytes, chunk.acknowledgement, chunk.packet, &fragments);
        }
        let cut = chunk.missing.saturating_sub(seen.saturating_sub(chunk.length));
        self.gap(cx, end, cut, chunk.packet, Missing::Cut);
    }

    /// Tells the sink that a direction has ended, where its FIN is reached.
    pub(crate) fn reach_end<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End) {
        let half = self.half_mut(end);
        let is_waiting = half.marks.has(Marks::FIN) && !half.marks.has(Marks::ENDED);
        if !is_waiting || !is_at_or_after(half.next, half.fin) {
            return;
        }
        half.next = half.fin.wrapping_add(1);
        half.marks.set(Marks::ENDED);
        // Nothing may follow a FIN (RFC 9293 section 3.10.7.4, eighth step).
        while let Some(chunk) = self.pop(cx, end) {
            cx.loss.add(Cause::OverlapUnchecked, u64::from(chunk.length));
        }
        self.half_mut(end).marks.clear(Marks::QUEUED);
        let direction = self.direction(end);
        cx.sink.end(&mut self.state, &self.facts, direction);
    }

    /// Takes a segment that does not simply follow: keeps it until earlier ones come, or gives up on those.
    pub(crate) fn place<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End, piece: Piece<'_>) {
        let mut piece = piece;
        loop {
            self.trim(cx, end, &mut piece);
            let extent = (piece.bytes.len() as u32).saturating_add(piece.missing);
            let half = self.half(end);
            if extent == 0 || half.marks.has(Marks::ENDED) {
                return;
            }
            let offset = distance(half.next, piece.sequence);
            let first = self.queue(end).and_then(Queue::first).map(|chunk| chunk.sequence);
            let until_first = first.map(|first| distance(piece.sequence, first));
            if offset == 0 && until_first.is_none_or(|until| extent.cast_signed() <= until) {
                self.give_piece(cx, end, &piece);
                self.drain(cx, end, Some(piece.packet));
                return;
            }
            let is_before_all = until_first.is_none_or(|until| until > 0);
            let half = self.half(end);
            let is_acknowledged = half.marks.has(Marks::ACKED) && is_at_or_after(half.acked, piece.sequence);
            if offset > 0 && is_before_all && is_acknowledged {
                self.skip_hole(cx, end, piece.sequence, piece.packet, Missing::Lost);
                continue;
            }
            if self.has_room(cx, end, piece.bytes.len()) {
                self.hold(cx, end, &piece);
                self.drain(cx, end, Some(piece.packet));
                self.skip_acknowledged(cx, end, piece.packet);
                self.skip_overdue(cx, end, piece.packet);
                return;
            }
            if offset > 0 {
                let target = if is_before_all { piece.sequence } else { first.unwrap_or(piece.sequence) };
                self.skip_hole(cx, end, target, piece.packet, Missing::Limit);
                continue;
            }
            // It overlaps bytes that came before it: those are kept, and compared no more.
            let until = until_first.unwrap_or(0).max(0).cast_unsigned();
            let head = piece.cut_to(until);
            self.give_piece(cx, end, &head);
            self.drain(cx, end, Some(piece.packet));
        }
    }

    /// Drops what was given before from the front of a segment.
    fn trim<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End, piece: &mut Piece<'_>) {
        let seen = distance(piece.sequence, self.half(end).next);
        if seen <= 0 {
            return;
        }
        let unchecked = piece.advance(seen.cast_unsigned());
        cx.loss.add(Cause::OverlapUnchecked, unchecked);
    }

    fn give_piece<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End, piece: &Piece<'_>) {
        if !piece.bytes.is_empty() {
            self.give(cx, end, piece.bytes, piece.acknowledgement, piece.packet, piece.fragments);
        }
        self.gap(cx, end, piece.missing, piece.packet, Missing::Cut);
    }

    fn has_room<S: Sink<State = T>>(&self, cx: &Context<'_, S>, end: End, length: usize) -> bool {
        let length = if self.is_ignored { 0 } else { length };
        cost_of(length) <= self.room_bytes(cx, end)
    }

    fn room_bytes<S: Sink<State = T>>(&self, cx: &Context<'_, S>, end: End) -> usize {
        let held = self.rare.as_ref().map_or(0, |rare| rare.buffered_bytes[end as usize]);
        let own = (cx.config.max_connection_buffered_bytes / 2).saturating_sub(held);
        own.min(cx.config.max_buffered_bytes.saturating_sub(*cx.buffered_bytes))
    }

    fn hold<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End, piece: &Piece<'_>) {
        let room_bytes = self.room_bytes(cx, end);
        let base = self.half(end).next;
        let is_kept = !self.is_ignored;
        let rare = self.rare();
        let done = rare.queues[end as usize].insert(base, piece, is_kept, room_bytes);
        let held = &mut rare.buffered_bytes[end as usize];
        *held = held.saturating_add(done.cost_bytes);
        let counts = &mut rare.counts[end as usize];
        counts.overlap_conflict_bytes = counts.overlap_conflict_bytes.saturating_add(done.conflict_bytes);
        if !done.has_new {
            self.count_retransmission(end);
        }
        *cx.buffered_bytes = cx.buffered_bytes.saturating_add(done.cost_bytes);
        cx.loss.add(Cause::OverlapConflict, done.conflict_bytes);
        cx.loss.add(Cause::OverlapUnchecked, done.unchecked_bytes);
        self.half_mut(end).marks.set(Marks::QUEUED);
    }

    /// Gives up a hole that is old, where no ACK can tell whether its bytes may still come.
    fn skip_overdue<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End, packet: PacketRef) {
        if self.half(end).marks.has(Marks::ACKED) {
            return;
        }
        let Some(first) = self.queue(end).and_then(Queue::first) else { return };
        if packet.time.since(first.packet.time) > cx.config.max_hole_wait_ns {
            let target = first.sequence;
            self.skip_hole(cx, end, target, packet, Missing::Lost);
        }
    }

    /// Gives all that waits, with gaps before it, and the FIN.
    pub(crate) fn flush<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End) {
        let packet = self.last;
        while let Some(target) = self.hole_end(end) {
            self.skip_hole(cx, end, target, packet, Missing::Lost);
        }
        let half = self.half(end);
        // Of a direction that was never seen nothing is missing: it is not captured here.
        let is_known = half.marks.has(Marks::STARTED) && half.marks.has(Marks::ACKED) && half.packets > 0;
        let tail = distance(half.next, half.acked);
        // One number more than was seen is rather a FIN that was not captured than a byte.
        if is_known && tail > 1 && !half.marks.has(Marks::ENDED) {
            self.gap(cx, end, tail.cast_unsigned(), packet, Missing::Lost);
        }
    }

    pub(crate) fn queue(&self, end: End) -> Option<&Queue> {
        self.rare.as_ref().map(|rare| &rare.queues[end as usize])
    }

    fn pop<S: Sink<State = T>>(&mut self, cx: &mut Context<'_, S>, end: End) -> Option<Chunk> {
        let rare = self.rare.as_mut()?;
        let chunk = rare.queues[end as usize].pop()?;
        let cost_bytes = chunk.cost_bytes();
        let held = &mut rare.buffered_bytes[end as usize];
        *held = held.saturating_sub(cost_bytes);
        *cx.buffered_bytes = cx.buffered_bytes.saturating_sub(cost_bytes);
        Some(chunk)
    }
}

impl<'a> Piece<'a> {
    /// Drops numbers from the front, and tells how many captured bytes those were.
    pub(crate) fn advance(&mut self, count: u32) -> u64 {
        let captured = (self.bytes.len() as u32).min(count);
        self.bytes = self.bytes.get(captured as usize..).unwrap_or_default();
        self.missing = self.missing.saturating_sub(count - captured);
        self.sequence = self.sequence.wrapping_add(count);
        u64::from(captured)
    }

    /// The first numbers of it.
    fn cut_to(&self, count: u32) -> Piece<'a> {
        let captured = (self.bytes.len() as u32).min(count);
        let bytes = self.bytes.get(..captured as usize).unwrap_or_default();
        Piece { bytes, missing: self.missing.min(count - captured), ..*self }
    }
}
