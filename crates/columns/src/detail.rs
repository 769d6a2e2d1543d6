//! What no field tells of an entry's halves, as compact bytes: roles, packets, lengths.
//!
//! Numbers and times are differences to what is most likely, so that most entries of a protocol have the same few bytes,
//! which compress to almost nothing.

use lanternfish_model::{
    Direction, Entry, EntryClass, Message, Notes, Outcome, PacketRef, PacketRun, PacketRuns, PairKey, ProtocolIndex,
    Role, Timestamp,
};

use crate::varint::{self, Reader};

/// What numbers and times are told from.
#[derive(Clone, Copy)]
struct Base {
    first: PacketRef,
    last: Timestamp,
    ordinal: u16,
    status_code: i64,
}

impl Base {
    /// The first half begins where the entry does.
    fn request(entry: &Entry) -> Base {
        let first = PacketRef { time: entry.timestamp, number: entry.id >> ORDINAL_BITS };
        Base { first, last: first.time, ordinal: entry.id as u16, status_code: entry.status_code().unwrap_or(0) }
    }

    /// The response begins and ends with the times of the entry.
    fn response(entry: &Entry, request: Option<&Message>) -> Base {
        let base = Base::request(entry);
        let Some(request) = request else { return base };
        let time = entry.timestamp + entry.first_byte_ns.unwrap_or(0);
        Base {
            first: PacketRef { time, number: request.last.number },
            last: entry.timestamp + entry.elapsed_ns.unwrap_or(0),
            ordinal: 0,
            status_code: base.status_code,
        }
    }
}

/// Writes the details of an entry. `status_code` of the rebuilt entry must be known before they are read.
pub(crate) fn write(out: &mut Vec<u8>, entry: &Entry) {
    let class = match entry.class {
        EntryClass::Call => 0u8,
        EntryClass::Connection => 1,
        EntryClass::Flow => 2,
    };
    let halves = u8::from(entry.request.is_some()) << 2 | u8::from(entry.response.is_some()) << 3;
    out.push(class | halves);
    if let Some(request) = &entry.request {
        half(out, request, entry, Base::request(entry));
    }
    if let Some(response) = &entry.response {
        half(out, response, entry, Base::response(entry, entry.request.as_deref()));
    }
}

fn half(out: &mut Vec<u8>, message: &Message, entry: &Entry, base: Base) {
    let single = PacketRun {
        first: message.first.number,
        count: message.last.number.saturating_sub(message.first.number).saturating_add(1),
    };
    let runs = message.packets.runs();
    let (is_single, has_status) = (runs == [single], message.status_code.is_some());
    let is_one_packet = message.last == message.first;
    let has_more = message.protocol != entry.protocol
        || !message.notes.is_empty()
        || message.packets.is_cut()
        || (!message.body.is_present && (message.body.wire_bytes != 0 || message.body.is_cut));
    let pairing = match message.pairing {
        PairKey::InOrder => 0u16,
        PairKey::AfterLoss => 1,
        PairKey::Id(_) => 2,
        PairKey::Alone => 3,
    };
    let role = match message.role {
        Role::Request => 0u16,
        Role::Response => 1,
        Role::OneWay => 2,
    };
    let flags = role
        | (message.direction.index() as u16) << 2
        | outcome_number(message.outcome) << 3
        | u16::from(message.is_partial) << 6
        | pairing << 7
        | u16::from(is_one_packet) << 9
        | u16::from(is_single) << 10
        | u16::from(runs.is_empty()) << 11
        | u16::from(message.body.is_present) << 12
        | u16::from(message.body.is_cut) << 13
        | u16::from(has_status) << 14
        | u16::from(has_more) << 15;
    out.extend_from_slice(&flags.to_le_bytes());
    let step = |from: u64, to: u64| to.wrapping_sub(from).cast_signed();
    varint::put_signed(out, message.first.time.ns().wrapping_sub(base.first.time.ns()));
    varint::put_signed(out, step(base.first.number, message.first.number));
    if !is_one_packet {
        varint::put_signed(out, message.last.time.ns().wrapping_sub(base.last.ns()));
        varint::put_signed(out, step(message.first.number, message.last.number));
    }
    if !is_single && !runs.is_empty() {
        varint::put(out, runs.len() as u64);
        let mut next = message.first.number;
        for run in runs {
            varint::put_signed(out, step(next, run.first));
            varint::put(out, run.count);
            next = run.first.wrapping_add(run.count);
        }
    }
    varint::put_signed(out, i64::from(message.ordinal) - i64::from(base.ordinal));
    varint::put(out, message.wire_bytes);
    if let Some(status_code) = message.status_code {
        varint::put_signed(out, status_code.wrapping_sub(base.status_code));
    }
    if let PairKey::Id(id) = message.pairing {
        varint::put(out, id);
    }
    if message.body.is_present || has_more {
        varint::put(out, message.body.wire_bytes);
    }
    if has_more {
        out.push(message.protocol.0);
        out.push(u8::from(message.packets.is_cut()));
        varint::put(out, message.notes.iter().count() as u64);
        message.notes.iter().for_each(|note| varint::put_bytes(out, note.as_bytes()));
    }
}

/// The halves of an entry, with their bodies and values still to be set.
pub(crate) struct Detail {
    pub class: EntryClass,
    pub request: Option<Box<Message>>,
    pub response: Option<Box<Message>>,
    /// Whether the bytes ended too early.
    pub is_damaged: bool,
}

/// Reads the class alone.
pub(crate) fn class(bytes: &[u8]) -> EntryClass {
    match bytes.first().copied().unwrap_or_default() & 0b11 {
        1 => EntryClass::Connection,
        2 => EntryClass::Flow,
        _ => EntryClass::Call,
    }
}

/// Reads the details of an entry, of which id, protocol, times and the status code are known.
pub(crate) fn read(bytes: &[u8], entry: &Entry, status_code: Option<i64>) -> Detail {
    let mut reader = Reader::new(bytes);
    let head = reader.byte();
    let mut base = Base::request(entry);
    base.status_code = status_code.unwrap_or(0);
    let request = (head & 4 != 0).then(|| read_half(&mut reader, entry.protocol, base));
    let response = (head & 8 != 0).then(|| {
        let mut base = Base::response(entry, request.as_deref());
        base.status_code = status_code.unwrap_or(0);
        read_half(&mut reader, entry.protocol, base)
    });
    Detail { class: class(bytes), request, response, is_damaged: reader.is_short() }
}

fn read_half(reader: &mut Reader<'_>, protocol: ProtocolIndex, base: Base) -> Box<Message> {
    let flags = u16::from_le_bytes([reader.byte(), reader.byte()]);
    let is_set = |bit: u16| flags >> bit & 1 != 0;
    let role = match flags & 0b11 {
        0 => Role::Request,
        1 => Role::Response,
        _ => Role::OneWay,
    };
    let direction = if is_set(2) { Direction::ToClient } else { Direction::ToServer };
    let shift = |from: Timestamp, by: i64| Timestamp::from_ns(from.ns().wrapping_add(by));
    let first = PacketRef {
        time: shift(base.first.time, reader.signed()),
        number: base.first.number.wrapping_add_signed(reader.signed()),
    };
    let mut message = Message::new(protocol, role, direction, first);
    message.outcome = outcome_of(flags >> 3 & 0b111);
    message.is_partial = is_set(6);
    if !is_set(9) {
        message.last = PacketRef {
            time: shift(base.last, reader.signed()),
            number: first.number.wrapping_add_signed(reader.signed()),
        };
    }
    let mut runs = Vec::new();
    if is_set(10) {
        let count = message.last.number.saturating_sub(first.number).saturating_add(1);
        runs.push(PacketRun { first: first.number, count });
    } else if !is_set(11) {
        let mut next = first.number;
        for _ in 0..reader.number().min(PacketRuns::MAX_RUNS as u64) {
            let run = PacketRun { first: next.wrapping_add_signed(reader.signed()), count: reader.number() };
            if reader.is_short() {
                break;
            }
            next = run.first.wrapping_add(run.count);
            runs.push(run);
        }
    }
    message.ordinal = i64::from(base.ordinal).wrapping_add(reader.signed()) as u16;
    message.wire_bytes = reader.number();
    if is_set(14) {
        message.status_code = Some(base.status_code.wrapping_add(reader.signed()));
    }
    message.pairing = match flags >> 7 & 0b11 {
        0 => PairKey::InOrder,
        1 => PairKey::AfterLoss,
        2 => PairKey::Id(reader.number()),
        _ => PairKey::Alone,
    };
    message.body.is_present = is_set(12);
    message.body.is_cut = is_set(13);
    let has_more = is_set(15);
    if message.body.is_present || has_more {
        message.body.wire_bytes = reader.number();
    }
    let mut is_cut = false;
    if has_more {
        message.protocol = ProtocolIndex(reader.byte());
        is_cut = reader.byte() != 0;
        for _ in 0..reader.number().min(Notes::MAX as u64) {
            message.note(reader.text());
        }
    }
    message.packets = PacketRuns::from_runs(runs, is_cut);
    Box::new(message)
}

const fn outcome_number(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Open => 0,
        Outcome::Ok => 1,
        Outcome::ClientError => 2,
        Outcome::ServerError => 3,
        Outcome::Failed => 4,
    }
}

const fn outcome_of(number: u16) -> Outcome {
    match number {
        1 => Outcome::Ok,
        2 => Outcome::ClientError,
        3 => Outcome::ServerError,
        4 => Outcome::Failed,
        _ => Outcome::Open,
    }
}

/// The place of an entry among those of its packet is in the lower bits of its id.
const ORDINAL_BITS: u32 = 16;
