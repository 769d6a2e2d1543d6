//! The frame of a DNS message: header, questions and records (RFC 1035 section 4.1), found without copying.
//!
//! Names and data stay in the message; only offsets are kept.

use super::name;
use super::types::{is_known_class, opcode_name, rtype};

/// The header, RFC 1035 section 4.1.1.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// The identifier.
    pub id: u16,
    /// The flags with opcode and response code.
    pub flags: u16,
    /// How many questions, answers, authorities and additional records are announced.
    pub counts: [u16; 4],
}

impl Header {
    /// The length in bytes.
    pub const LENGTH: usize = 12;

    /// Reads the header.
    pub fn read(message: &[u8]) -> Option<Header> {
        let head = message.first_chunk::<{ Header::LENGTH }>()?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *head;
        let word = |high, low| u16::from_be_bytes([high, low]);
        Some(Header { id: word(a, b), flags: word(c, d), counts: [word(e, f), word(g, h), word(i, j), word(k, l)] })
    }

    /// Whether it is a response (QR).
    pub const fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }
    /// The opcode.
    pub const fn opcode(&self) -> u8 {
        (self.flags >> 11 & 0xf) as u8
    }
    /// AA.
    pub const fn is_authoritative(&self) -> bool {
        self.flags & 0x0400 != 0
    }
    /// TC.
    pub const fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }
    /// RD.
    pub const fn is_recursion_desired(&self) -> bool {
        self.flags & 0x0100 != 0
    }
    /// RA.
    pub const fn is_recursion_available(&self) -> bool {
        self.flags & 0x0080 != 0
    }
    /// AD, RFC 4035 section 3.1.6.
    pub const fn is_authenticated(&self) -> bool {
        self.flags & 0x0020 != 0
    }
    /// CD, RFC 4035 section 3.1.6.
    pub const fn is_checking_disabled(&self) -> bool {
        self.flags & 0x0010 != 0
    }
    /// The low four bits of the response code.
    pub const fn rcode(&self) -> u16 {
        self.flags & 0xf
    }

    /// Whether the opcode is one that is assigned.
    pub fn has_known_opcode(&self) -> bool {
        opcode_name(self.opcode()).is_some()
    }

    /// Whether flags and counts make sense for a message of `length` bytes, 0 where it is not known.
    pub fn is_plausible(&self, length: usize) -> bool {
        let [questions, answers, authorities, additionals] = self.counts.map(usize::from);
        let records = answers.saturating_add(authorities).saturating_add(additionals);
        let least = questions.saturating_mul(QUESTION_MIN).saturating_add(records.saturating_mul(RECORD_MIN));
        let fits = length == 0 || least <= length.saturating_sub(Self::LENGTH);
        // A query has no code yet.
        let is_clean = self.is_response() || self.rcode() == 0;
        let is_empty = questions.saturating_add(records) == 0;
        fits && is_clean && (self.is_response() || !is_empty)
    }
}

/// A question: the offset of its name, its type and class.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Where its name begins.
    pub name_at: usize,
    /// The type.
    pub rtype: u16,
    /// The class.
    pub class: u16,
    /// The offset behind it.
    pub end: usize,
}

impl Question {
    /// Reads the question at an offset.
    pub fn read(message: &[u8], at: usize) -> Option<Question> {
        let behind = name::skip(message, at)?;
        let [a, b, c, d] = *message.get(behind..)?.first_chunk::<4>()?;
        Some(Question {
            name_at: at,
            rtype: u16::from_be_bytes([a, b]),
            class: u16::from_be_bytes([c, d]),
            end: behind.saturating_add(4),
        })
    }

    /// A hash of name and type, without regard to case.
    pub fn hash(&self, message: &[u8]) -> u64 {
        // The name of a question stands there in full: nothing comes before it that it could point to.
        let name = message.get(self.name_at..self.end.saturating_sub(4)).unwrap_or_default();
        let mut hash = name::Hash::default();
        hash.add(name);
        hash.mix(u64::from(self.rtype));
        hash.value()
    }
}

/// A resource record, RFC 1035 section 4.1.3.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Where its name begins.
    pub name_at: usize,
    /// The type.
    pub rtype: u16,
    /// The class; for OPT the size of a datagram.
    pub class: u16,
    /// The time to live; for OPT more flags.
    pub ttl: u32,
    /// Where its data begins.
    pub data_at: usize,
    /// The offset behind its data.
    pub end: usize,
}

impl Record {
    /// Reads the record at an offset; `None` where its name is malformed or it does not fit into the message.
    pub fn read(message: &[u8], at: usize) -> Option<Record> {
        let behind = name::skip(message, at)?;
        let [a, b, c, d, e, f, g, h, i, j] = *message.get(behind..)?.first_chunk::<10>()?;
        let data_at = behind.saturating_add(10);
        let end = data_at.saturating_add(usize::from(u16::from_be_bytes([i, j])));
        if end > message.len() {
            return None;
        }
        Some(Record {
            name_at: at,
            rtype: u16::from_be_bytes([a, b]),
            class: u16::from_be_bytes([c, d]),
            ttl: u32::from_be_bytes([e, f, g, h]),
            data_at,
            end,
        })
    }

    /// Whether type and class are ones that a DNS message carries.
    fn is_known(&self) -> bool {
        is_known_class(self.class) || self.rtype == rtype::OPT
    }
}

/// The sections of a message, as far as they could be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sections {
    /// Where questions, answers, authorities and additional records begin.
    pub begins: [usize; 4],
    /// How many of each could be read.
    pub counts: [u16; 4],
    /// The offset behind the last one read.
    pub end: usize,
    /// Whether all that the header announces could be read.
    pub is_whole: bool,
    /// Whether the questions have a known class, or the records where there is no question.
    pub is_known: bool,
    /// The EDNS record, RFC 6891.
    pub edns: Option<Record>,
}

impl Sections {
    /// Finds the sections of a message.
    pub fn find(message: &[u8], header: &Header) -> Sections {
        let mut sections = Sections { end: Header::LENGTH, is_whole: true, is_known: true, ..Sections::default() };
        for section in 0..4 {
            let announced = header.counts.get(section).copied().unwrap_or(0);
            sections.set_begin(section);
            for count in 1..=announced {
                if !sections.step(message, section) {
                    sections.is_whole = false;
                    for later in section.saturating_add(1)..4 {
                        sections.set_begin(later);
                    }
                    return sections;
                }
                if let Some(slot) = sections.counts.get_mut(section) {
                    *slot = count;
                }
            }
        }
        sections
    }

    /// Reads one more question or record.
    fn step(&mut self, message: &[u8], section: usize) -> bool {
        if section == 0 {
            let Some(question) = Question::read(message, self.end) else { return false };
            self.is_known &= is_known_class(question.class);
            self.end = question.end;
            return true;
        }
        let Some(record) = Record::read(message, self.end) else { return false };
        self.is_known &= record.is_known() || self.count(QUESTIONS) > 0;
        if record.rtype == rtype::OPT && section == ADDITIONALS && self.edns.is_none() {
            self.edns = Some(record);
        }
        self.end = record.end;
        true
    }

    fn set_begin(&mut self, section: usize) {
        if let Some(slot) = self.begins.get_mut(section) {
            *slot = self.end;
        }
    }

    /// The first question.
    pub fn question(&self, message: &[u8]) -> Option<Question> {
        if self.count(QUESTIONS) == 0 { None } else { Question::read(message, Header::LENGTH) }
    }

    /// How many questions or records of a section could be read.
    pub fn count(&self, section: usize) -> usize {
        self.counts.get(section).copied().map_or(0, usize::from)
    }

    /// The questions.
    pub fn questions<'a>(&self, message: &'a [u8]) -> impl Iterator<Item = Question> + use<'a> {
        let mut at = Header::LENGTH;
        (0..self.count(QUESTIONS)).map_while(move |_| {
            let question = Question::read(message, at)?;
            at = question.end;
            Some(question)
        })
    }

    /// The records of a section.
    pub fn records<'a>(&self, message: &'a [u8], section: usize) -> impl Iterator<Item = Record> + use<'a> {
        let mut at = self.begins.get(section).copied().unwrap_or(usize::MAX);
        (0..self.count(section)).map_while(move |_| {
            let record = Record::read(message, at)?;
            at = record.end;
            Some(record)
        })
    }

    /// Whether the first name is one of the NetBIOS name service (RFC 1002 section 4.2), which has the same frame.
    pub fn is_netbios(&self, message: &[u8]) -> bool {
        let is_encoded = |at: usize| {
            let label = message.get(at.saturating_add(1)..at.saturating_add(33)).unwrap_or_default();
            message.get(at) == Some(&32) && label.len() == 32 && label.iter().all(|byte| (b'A'..=b'P').contains(byte))
        };
        let is_type = |number: u16| matches!(number, rtype::NB | rtype::SRV | rtype::NULL);
        match self.question(message) {
            Some(question) => is_type(question.rtype) && is_encoded(question.name_at),
            None => self
                .records(message, ANSWERS)
                .next()
                .is_some_and(|record| is_type(record.rtype) && is_encoded(record.name_at)),
        }
    }
}

/// The position of the question section.
pub const QUESTIONS: usize = 0;
/// The position of the answer section.
pub const ANSWERS: usize = 1;
/// The position of the authority section.
pub const AUTHORITIES: usize = 2;
/// The position of the additional section.
pub const ADDITIONALS: usize = 3;
/// The fewest bytes of a question.
const QUESTION_MIN: usize = 5;
/// The fewest bytes of a record.
const RECORD_MIN: usize = 11;
