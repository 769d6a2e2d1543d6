//! From the frame of a DNS message to its fields.

use std::net::IpAddr;

use lanternfish_dissect::{Chunk, Out};
use lanternfish_model::{Cause, Direction, FieldIndex, ListWriter, Message, Outcome, PairKey, Role, Transport};

use super::edns;
use super::fields as f;
use super::frame::{ADDITIONALS, ANSWERS, AUTHORITIES, Header, QUESTIONS, Record, Sections};
use super::name;
use super::rdata;
use super::text::write_int;
use super::types::{opcode_name, rcode_name, rtype, type_name};
use super::waiting::{Query, Waiting};

/// Where a message stands in its chunk.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Where the frame begins, with the length prefix of TCP.
    pub begin: usize,
    /// Where the message itself begins.
    pub at: usize,
    /// The offset behind the bytes of it that are there.
    pub end: usize,
    /// Bytes of it that are not there.
    pub missing: usize,
}

/// Reads the message at a place of a chunk and hands it over.
pub fn emit(chunk: &Chunk<'_>, span: Span, waiting: &mut Waiting, out: &mut Out<'_>) {
    let bytes = chunk.bytes.get(span.at..span.end).unwrap_or_default();
    let Some(header) = Header::read(bytes) else {
        emit_stub(chunk, span, out);
        return;
    };
    let sections = Sections::find(bytes, &header);
    let length = bytes.len().saturating_add(span.missing);
    let exchange = Exchange::find(chunk, &header, &sections, bytes, length, waiting, out);
    let mut message = out.begin(exchange.role, chunk, span.begin);
    message.pairing = exchange.pairing;
    message.wire_bytes = (length.saturating_add(span.at.saturating_sub(span.begin))) as u64;
    chunk.cover(&mut message, span.begin..span.end);
    if span.missing > 0 {
        message.is_partial = true;
        message.note("message cut: bytes are missing at its end");
    } else if !sections.is_whole {
        message.note("malformed message: not all records that the header announces could be read");
    } else if sections.end < bytes.len() {
        message.note("bytes behind the last record");
    }
    if header.flags & 0x0040 != 0 {
        message.note("reserved header bit is set");
    }
    // The body of a message is a buffer that is used again; DNS has no body of its own.
    let text = std::mem::take(&mut message.body.bytes);
    let mut writer = Writer { bytes, message: &mut message, out, text, is_limited: false };
    writer.header(&header, &exchange, length);
    writer.questions(&sections);
    writer.sections(&header, &sections, &exchange);
    writer.edns(&sections, &exchange);
    let mut text = writer.text;
    text.clear();
    message.body.bytes = text;
    outcome(&mut message, &header, &sections, &exchange, out);
    out.emit(message);
}

/// Hands over what is left of a message of which not even the header is there.
fn emit_stub(chunk: &Chunk<'_>, span: Span, out: &mut Out<'_>) {
    let mut message = out.begin(Role::OneWay, chunk, span.begin);
    message.pairing = PairKey::Alone;
    message.is_partial = true;
    message.outcome = Outcome::Failed;
    message.wire_bytes = (span.end.saturating_sub(span.begin).saturating_add(span.missing)) as u64;
    chunk.cover(&mut message, span.begin..span.end);
    message.note("message cut: its header is missing");
    out.emit(message);
}

/// What a message is in its exchange.
struct Exchange {
    role: Role,
    pairing: PairKey,
    is_response: bool,
    /// Whether nothing is expected to answer it on this connection.
    is_alone: bool,
    /// The length of the query of a response, where it is known.
    query_length: Option<u16>,
}

impl Exchange {
    fn find(
        chunk: &Chunk<'_>,
        header: &Header,
        sections: &Sections,
        bytes: &[u8],
        length: usize,
        waiting: &mut Waiting,
        out: &Out<'_>,
    ) -> Exchange {
        let question = sections.question(bytes);
        let hash = question.map(|question| fold16(question.hash(bytes)));
        let key = |hash: u16| PairKey::Id(u64::from(hash) << 16 | u64::from(header.id));
        if !header.is_response() {
            if is_multicast(chunk, out) {
                return Exchange {
                    role: Role::Request,
                    pairing: PairKey::Alone,
                    is_response: false,
                    is_alone: true,
                    query_length: None,
                };
            }
            let is_transfer = question.is_some_and(|question| matches!(question.rtype, rtype::AXFR | rtype::IXFR));
            let question = hash.unwrap_or(0);
            let length = u16::try_from(length).unwrap_or(u16::MAX);
            waiting.add(Query { id: header.id, length, question, is_transfer, is_answered: false });
            let pairing = key(question);
            return Exchange { role: Role::Request, pairing, is_response: false, is_alone: false, query_length: None };
        }
        let query = waiting.find(header.id).filter(|query| hash.is_none_or(|hash| hash == query.question));
        let mut exchange = Exchange {
            role: Role::Response,
            pairing: key(hash.or(query.as_deref().map(|query| query.question)).unwrap_or(0)),
            is_response: true,
            is_alone: false,
            query_length: query.as_deref().map(|query| query.length),
        };
        // Announcements and the later messages of a zone transfer answer nothing on this connection.
        exchange.is_alone = match query {
            Some(query) => std::mem::replace(&mut query.is_answered, true) && query.is_transfer,
            None => is_service_discovery(header, chunk, out),
        };
        if exchange.is_alone {
            exchange.role = Role::OneWay;
            exchange.pairing = PairKey::Alone;
        }
        exchange
    }
}

/// Sets what the response code says.
fn outcome(message: &mut Message, header: &Header, sections: &Sections, exchange: &Exchange, out: &Out<'_>) {
    if !exchange.is_response {
        if exchange.is_alone {
            message.outcome = Outcome::Ok;
        }
        return;
    }
    let code = match &sections.edns {
        Some(record) => edns::extended_rcode(header.rcode(), record),
        None => header.rcode(),
    };
    message.status_code = Some(i64::from(code));
    message.outcome = match code {
        0 => Outcome::Ok,
        1 | 3 => Outcome::ClientError,
        _ => Outcome::ServerError,
    };
    if out.wants(f::RESPONSE_CODE) {
        match rcode_name(code) {
            Some(name) => message.values.name(f::RESPONSE_CODE, name),
            None => message.values.text_fmt(f::RESPONSE_CODE, format_args!("RCODE{code}")),
        }
    }
}

/// Writes the fields of one message.
struct Writer<'m, 'o> {
    bytes: &'m [u8],
    message: &'m mut Message,
    out: &'m mut Out<'o>,
    text: Vec<u8>,
    is_limited: bool,
}

impl Writer<'_, '_> {
    fn flag(&mut self, field: FieldIndex, value: bool) {
        if self.out.wants(field) {
            self.message.values.bool(field, value);
        }
    }

    fn int(&mut self, field: FieldIndex, value: usize) {
        if self.out.wants(field) {
            self.message.values.int(field, value as i64);
        }
    }

    /// Sets what the header tells. Of a pair, the value of the query is the one that is shown, so a query leaves out
    /// what only a response can tell.
    fn header(&mut self, header: &Header, exchange: &Exchange, length: usize) {
        self.int(f::ID, usize::from(header.id));
        if self.out.wants(f::OPCODE) {
            match opcode_name(header.opcode()) {
                Some(name) => self.message.values.name(f::OPCODE, name),
                None => self.message.values.text_fmt(f::OPCODE, format_args!("OPCODE{}", header.opcode())),
            }
        }
        self.flag(f::RECURSION_DESIRED, header.is_recursion_desired());
        if !exchange.is_response {
            self.flag(f::REQUEST, true);
            self.int(f::REQUEST_LENGTH, length);
            if exchange.is_alone {
                self.int(f::TOTAL_SIZE, length);
            }
            self.flag(f::CHECKING_DISABLED, header.is_checking_disabled());
            // A query is cut where its known answers do not fit, RFC 6762 section 7.2.
            if header.is_truncated() {
                self.flag(f::TRUNCATED, true);
            }
            return;
        }
        self.flag(f::RESPONSE, true);
        self.int(f::RESPONSE_LENGTH, length);
        self.int(f::TOTAL_SIZE, length.saturating_add(usize::from(exchange.query_length.unwrap_or(0))));
        self.flag(f::AUTHORITATIVE, header.is_authoritative());
        self.flag(f::TRUNCATED, header.is_truncated());
        self.flag(f::RECURSION_AVAILABLE, header.is_recursion_available());
        self.flag(f::AUTHENTICATED_DATA, header.is_authenticated());
    }

    fn questions(&mut self, sections: &Sections) {
        let count = self.kept(sections.count(QUESTIONS));
        if count == 0 {
            return;
        }
        let Writer { bytes, message, out, text, .. } = self;
        if out.wants(f::QUESTIONS) {
            let mut list = message.values.list(f::QUESTIONS);
            for question in sections.questions(bytes).take(count) {
                text.clear();
                name::write(bytes, question.name_at, text);
                list.push(text);
            }
            list.finish();
        }
        if out.wants(f::QUESTION_TYPES) {
            let mut list = message.values.list(f::QUESTION_TYPES);
            for question in sections.questions(bytes).take(count) {
                push_type(question.rtype, text, &mut list);
            }
            list.finish();
        }
    }

    fn sections(&mut self, header: &Header, sections: &Sections, exchange: &Exchange) {
        // The answers of a pair are those of its response: what else a query carries there (known answers, an earlier
        // SOA, a signature) is shown where no response can have it.
        let is_shown = exchange.is_response || exchange.is_alone || header.opcode() != 0;
        if is_shown {
            self.records(f::ANSWERS, sections, ANSWERS);
            self.answer_facts(sections);
        }
        self.records(f::AUTHORITIES, sections, AUTHORITIES);
        if is_shown {
            self.records(f::ADDITIONALS, sections, ADDITIONALS);
        }
    }

    fn records(&mut self, field: FieldIndex, sections: &Sections, section: usize) {
        let count = self.kept(sections.count(section));
        let is_only_edns = section == ADDITIONALS && sections.edns.is_some() && count == 1;
        if count == 0 || is_only_edns || !self.out.wants(field) {
            return;
        }
        let Writer { bytes, message, text, .. } = self;
        let mut are_good = true;
        let mut list = message.values.list(field);
        for record in sections.records(bytes, section).take(count) {
            if is_edns(&record, section) {
                continue;
            }
            text.clear();
            are_good &= rdata::write(bytes, &record, text);
            list.push(text);
        }
        list.finish();
        if !are_good {
            message.note("malformed record data");
        }
    }

    fn answer_facts(&mut self, sections: &Sections) {
        let count = self.kept(sections.count(ANSWERS));
        if count == 0 {
            return;
        }
        let Writer { bytes, message, out, text, .. } = self;
        if out.wants(f::ANSWER_TYPES) {
            let mut list = message.values.list(f::ANSWER_TYPES);
            for record in sections.records(bytes, ANSWERS).take(count) {
                push_type(record.rtype, text, &mut list);
            }
            list.finish();
        }
        if out.wants(f::ANSWER_NAMES) {
            let mut list = message.values.list(f::ANSWER_NAMES);
            for record in sections.records(bytes, ANSWERS).take(count) {
                text.clear();
                name::write(bytes, record.name_at, text);
                list.push(text);
            }
            list.finish();
        }
        if out.wants(f::ANSWER_TTLS) {
            let mut list = message.values.list(f::ANSWER_TTLS);
            for record in sections.records(bytes, ANSWERS).take(count) {
                text.clear();
                write_int(u64::from(record.ttl), text);
                list.push(text);
            }
            list.finish();
        }
    }

    fn edns(&mut self, sections: &Sections, exchange: &Exchange) {
        let Some(record) = &sections.edns else { return };
        if !exchange.is_response || exchange.query_length.is_none() {
            self.int(f::EDNS_UDP_SIZE, usize::from(record.class));
            self.flag(f::EDNS_DNSSEC_OK, edns::is_dnssec_ok(record));
        }
        if record.data_at == record.end {
            return;
        }
        let field = if exchange.is_response { f::RESPONSE_EDNS_OPTIONS } else { f::EDNS_OPTIONS };
        let limit = self.out.limits.items;
        let Writer { bytes, message, out, text, .. } = self;
        if out.wants(field) {
            let mut list = message.values.list(field);
            for (code, data) in edns::options(bytes, record).take(limit) {
                text.clear();
                edns::write_option(code, data, text);
                list.push(text);
            }
            list.finish();
        }
        if out.wants(f::EXTENDED_ERROR)
            && let Some((_, data)) = edns::options(bytes, record).find(|(code, _)| *code == edns::EXTENDED_ERROR)
        {
            text.clear();
            edns::write_extended_error(data, text);
            message.values.text(f::EXTENDED_ERROR, text);
        }
    }

    /// How many of so many items are kept; more than the limit are counted once a message.
    fn kept(&mut self, count: usize) -> usize {
        let limit = self.out.limits.items;
        if count > limit && !self.is_limited {
            self.is_limited = true;
            self.message.note("more records than the limit: the rest is not listed");
            self.out.count(Cause::LimitReached, 1);
        }
        count.min(limit)
    }
}

fn is_edns(record: &Record, section: usize) -> bool {
    section == ADDITIONALS && record.rtype == rtype::OPT
}

fn push_type(number: u16, text: &mut Vec<u8>, list: &mut ListWriter<'_>) {
    match type_name(number) {
        Some(name) => list.push(name.as_bytes()),
        None => {
            text.clear();
            rdata::write_type(number, text);
            list.push(text);
        }
    }
}

/// Whether a query goes to a group: multicast DNS and LLMNR, of which answers come from elsewhere (RFC 6762 section 6,
/// RFC 4795 section 2).
fn is_multicast(chunk: &Chunk<'_>, out: &Out<'_>) -> bool {
    let to = match chunk.direction {
        Direction::ToServer => out.facts.server.ip,
        Direction::ToClient => out.facts.client.ip,
    };
    let ports = [out.facts.client.port, out.facts.server.port];
    let is_plain = ports.contains(&DNS_PORT) && !ports.contains(&MDNS_PORT) && !ports.contains(&LLMNR_PORT);
    !is_plain && (to.is_multicast() || matches!(to, IpAddr::V4(v4) if v4.is_broadcast()))
}

/// Whether a response that nobody asked for on this connection is an announcement or an answer to a group.
fn is_service_discovery(header: &Header, chunk: &Chunk<'_>, out: &Out<'_>) -> bool {
    let ports = [out.facts.client.port, out.facts.server.port];
    let is_known_port = ports.iter().any(|port| matches!(*port, MDNS_PORT | LLMNR_PORT));
    let is_unasked = is_multicast(chunk, out) || (is_known_port && header.id == 0) || ports.contains(&LLMNR_PORT);
    out.facts.transport == Transport::Udp && is_unasked
}

fn fold16(hash: u64) -> u16 {
    (hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48) as u16
}

/// RFC 1035 section 4.2.
pub const DNS_PORT: u16 = 53;
/// RFC 6762 section 3.
pub const MDNS_PORT: u16 = 5353;
/// RFC 4795 section 2.
pub const LLMNR_PORT: u16 = 5355;
