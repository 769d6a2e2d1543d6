//! The head of a message: its lines, its headers, and what they say about the body.
//!
//! RFC 9112 sections 2, 5 and 6. Lines may end with a bare LF (section 2.2), obsolete line folding is undone
//! (section 5.2), and oddities that other readers take differently become notes.

use lanternfish_dissect::Compression;
use lanternfish_model::{MapWriter, Message};
use memchr::{memchr, memchr_iter};
use smallvec::SmallVec;

/// Where the lines of a head end: the offset of each LF.
pub type Lines = SmallVec<[u32; 40]>;

/// Finds the lines of a head; gives its length with the empty line, `None` where that is not there yet.
pub fn find_lines(bytes: &[u8], lines: &mut Lines) -> Option<usize> {
    let mut start = 0;
    for end in memchr_iter(b'\n', bytes) {
        if is_empty_line(bytes, start, end) {
            return Some(end + 1);
        }
        lines.push(end as u32);
        start = end + 1;
    }
    None
}

/// Looks for the empty line from the start of a line on: `Ok` where there is one, else the start of the last line.
pub fn find_end(bytes: &[u8], from: usize) -> Result<(), usize> {
    let mut start = from;
    for end in memchr_iter(b'\n', bytes.get(from..).unwrap_or_default()) {
        let end = from + end;
        if is_empty_line(bytes, start, end) {
            return Ok(());
        }
        start = end + 1;
    }
    Err(start)
}

fn is_empty_line(bytes: &[u8], start: usize, end: usize) -> bool {
    end == start || (end == start + 1 && bytes.get(start) == Some(&b'\r'))
}

/// The first line of a head, without its line end.
pub fn first_line<'a>(bytes: &'a [u8], lines: &[u32]) -> &'a [u8] {
    let end = lines.first().map_or(bytes.len(), |&end| end as usize);
    let line = bytes.get(..end).unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// One header with its value, outer whitespace taken off.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The name as sent; empty where the line has none.
    pub name: &'a [u8],
    /// The value, still with the line ends within it where it is folded.
    pub value: &'a [u8],
    /// Whether the value goes over several lines.
    pub is_folded: bool,
    /// Whether whitespace stands between name and colon (RFC 9112 section 5.1 forbids it).
    pub is_spaced: bool,
}

impl Header<'_> {
    /// Whether it has a name, given in lower case.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The headers of a head, without its first line.
pub struct Headers<'a> {
    bytes: &'a [u8],
    lines: &'a [u32],
    start: usize,
    needs_all: bool,
}

/// Walks the headers; without `needs_all` only those that may matter to [`Facts`].
pub fn headers<'a>(bytes: &'a [u8], lines: &'a [u32], needs_all: bool) -> Headers<'a> {
    match lines.split_first() {
        Some((&first, lines)) => Headers { bytes, lines, start: first as usize + 1, needs_all },
        None => Headers { bytes, lines, start: bytes.len(), needs_all },
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        loop {
            let (&end, mut rest) = self.lines.split_first()?;
            let start = self.start;
            let mut end = end as usize;
            let mut is_folded = false;
            while let Some((&next, behind)) = rest.split_first()
                && matches!(self.bytes.get(end + 1), Some(b' ' | b'\t'))
            {
                is_folded = true;
                end = next as usize;
                rest = behind;
            }
            self.start = end + 1;
            self.lines = rest;
            let line = self.bytes.get(start..end)?;
            if !self.needs_all && !may_matter(line) {
                continue;
            }
            let Some(colon) = memchr(b':', line.get(..MAX_NAME_BYTES).unwrap_or(line)) else {
                // The first line behind the start line may be "folded" onto nothing; whitespace alone says nothing.
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Some(Header { name: &[], value: line.trim_ascii(), is_folded, is_spaced: false });
            };
            let name = line.get(..colon)?;
            let value = line.get(colon + 1..)?.trim_ascii();
            let trimmed = name.trim_ascii();
            return Some(Header { name: trimmed, value, is_folded, is_spaced: trimmed.len() != name.len() });
        }
    }
}

/// Whether a header line may be one of those that [`Facts`] and the cookies need, by the start of its name.
fn may_matter(line: &[u8]) -> bool {
    match line {
        [first, second, ..] => {
            matches!((first | 0x20, second | 0x20), (b'c' | b'h', b'o') | (b't', b'r') | (b'u', b'p') | (b's', b'e'))
        }
        _ => false,
    }
}

/// What `Content-Length` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// Nothing.
    #[default]
    Absent,
    /// This many bytes.
    Bytes(u64),
    /// Numbers that differ, of which this is the last.
    Conflict(u64),
    /// It is no number.
    Unusable,
}

/// What `Transfer-Encoding` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// Nothing.
    #[default]
    Absent,
    /// The body is chunked.
    Chunked,
    /// The body lasts until the end of the connection.
    Other,
}

/// The codings of a body in the order they were applied.
#[derive(Clone, Copy, Debug, Default)]
pub struct Codings {
    list: [Option<Compression>; MAX_CODINGS],
    count: usize,
    /// Whether one of them is not known, so that none can be undone.
    pub is_unknown: bool,
    /// Whether there are more than [`MAX_CODINGS`], so that none is undone.
    pub is_over_limit: bool,
}

impl Codings {
    fn push(&mut self, coding: &[u8]) {
        match (Compression::from_coding(coding), self.list.get_mut(self.count)) {
            (Some(known), Some(slot)) => {
                *slot = Some(known);
                self.count += 1;
            }
            (Some(_), None) => self.is_over_limit = true,
            (None, _) => self.is_unknown = true,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && !self.is_kept()
    }

    /// Whether the body stays encoded.
    pub fn is_kept(&self) -> bool {
        self.is_unknown || self.is_over_limit
    }

    /// The codings in the order to undo them.
    pub fn undo(&self) -> impl Iterator<Item = Compression> {
        self.list.into_iter().take(self.count).rev().flatten()
    }
}

/// What the headers of a message say about its body and the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The length of the body.
    pub length: Length,
    /// The framing of the body.
    pub transfer: Transfer,
    /// How the body is coded.
    pub codings: Codings,
    /// Whether the message asks for, or announces, another protocol.
    pub has_upgrade: bool,
    /// The first `Host`.
    pub host: Option<&'a [u8]>,
    /// The first `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// Whether there is a `Cookie` or `Set-Cookie`.
    pub has_cookies: bool,
    /// Whether headers past the limit were left out of the map.
    pub is_over_limit: bool,
}

/// Oddities of headers, gathered until the message can take notes: a set of positions in [`Oddities::NOTES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities(u16);

impl Oddities {
    const NOTES: [&str; 10] = [
        "obsolete line folding in a header",
        "header line without a name",
        "whitespace between header name and colon",
        "content-length is no number",
        "content-length values that differ",
        "both transfer-encoding and content-length",
        "transfer-encoding does not end with chunked",
        "body kept encoded: its coding is not known",
        "more than one host header",
        "body kept encoded: more codings than the limit",
    ];
    const FOLD: Oddities = Oddities(1);
    const NO_COLON: Oddities = Oddities(1 << 1);
    const SPACE: Oddities = Oddities(1 << 2);
    const BAD_LENGTH: Oddities = Oddities(1 << 3);
    const LENGTH_CONFLICT: Oddities = Oddities(1 << 4);
    const BOTH: Oddities = Oddities(1 << 5);
    const ODD_TRANSFER: Oddities = Oddities(1 << 6);
    const UNKNOWN_CODING: Oddities = Oddities(1 << 7);
    const TWO_HOSTS: Oddities = Oddities(1 << 8);
    const MANY_CODINGS: Oddities = Oddities(1 << 9);

    fn add_if(&mut self, is_so: bool, oddity: Oddities) {
        self.0 |= if is_so { oddity.0 } else { 0 };
    }

    /// Notes them on the message.
    pub fn note(self, message: &mut Message) {
        if self.0 == 0 {
            return;
        }
        for (position, note) in Self::NOTES.iter().enumerate() {
            if self.0 >> position & 1 != 0 {
                message.note(note);
            }
        }
    }
}

/// Reads the headers: facts, oddities, and the map where one is given.
pub fn read<'a>(
    bytes: &'a [u8],
    lines: &'a [u32],
    map: Option<&mut MapWriter<'_>>,
    limit: usize,
) -> (Facts<'a>, Oddities) {
    let mut facts = Facts::default();
    let mut odd = Oddities::default();
    let mut content = Codings::default();
    let mut transfer = Codings::default();
    let mut map = map;
    let mut count = 0usize;
    for header in headers(bytes, lines, map.is_some()) {
        odd.add_if(header.is_folded, Oddities::FOLD);
        if header.name.is_empty() {
            odd.add_if(true, Oddities::NO_COLON);
            continue;
        }
        odd.add_if(header.is_spaced, Oddities::SPACE);
        if let Some(map) = map.as_deref_mut() {
            match count < limit {
                true if header.is_folded => map.push_lower(header.name, &unfold(header.value)),
                true => map.push_lower(header.name, header.value),
                false => facts.is_over_limit = true,
            }
            count += 1;
        }
        // The length of the name rules most headers out before any comparison.
        match header.name.len() {
            14 if header.is(b"content-length") => read_length(header.value, &mut facts, &mut odd),
            17 if header.is(b"transfer-encoding") => read_transfer(header.value, &mut facts, &mut transfer),
            16 if header.is(b"content-encoding") => {
                tokens(header.value).filter(|coding| !is_identity(coding)).for_each(|coding| content.push(coding));
            }
            12 if header.is(b"content-type") => {
                facts.content_type.get_or_insert(header.value);
            }
            4 if header.is(b"host") => {
                odd.add_if(facts.host.is_some(), Oddities::TWO_HOSTS);
                facts.host.get_or_insert(header.value);
            }
            7 if header.is(b"upgrade") => facts.has_upgrade = true,
            6 => facts.has_cookies |= header.is(b"cookie"),
            10 => facts.has_cookies |= header.is(b"set-cookie"),
            _ => {}
        }
    }
    odd.add_if(facts.transfer != Transfer::Absent && facts.length != Length::Absent, Oddities::BOTH);
    odd.add_if(facts.transfer == Transfer::Other, Oddities::ODD_TRANSFER);
    // Transfer codings were applied last (RFC 9112 section 6.1).
    transfer.list.into_iter().take(transfer.count).flatten().for_each(|coding| content.push(coding.name().as_bytes()));
    content.is_unknown |= transfer.is_unknown;
    content.is_over_limit |= transfer.is_over_limit;
    odd.add_if(content.is_unknown, Oddities::UNKNOWN_CODING);
    odd.add_if(content.is_over_limit, Oddities::MANY_CODINGS);
    facts.codings = content;
    (facts, odd)
}

fn read_length(value: &[u8], facts: &mut Facts<'_>, odd: &mut Oddities) {
    for token in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        match (number(token), facts.length) {
            (Some(bytes), Length::Absent) => facts.length = Length::Bytes(bytes),
            // RFC 9110 section 8.6: equal values may repeat.
            (Some(bytes), Length::Bytes(known)) if bytes == known => {}
            (Some(bytes), Length::Bytes(_) | Length::Conflict(_)) => {
                odd.add_if(true, Oddities::LENGTH_CONFLICT);
                facts.length = Length::Conflict(bytes);
            }
            (Some(_), Length::Unusable) => {}
            (None, _) => {
                odd.add_if(true, Oddities::BAD_LENGTH);
                facts.length = Length::Unusable;
            }
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    let digits = digits.get(zeros.min(digits.len().saturating_sub(1))..)?;
    if digits.is_empty() || digits.len() > MAX_LENGTH_DIGITS {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, byte| match byte.is_ascii_digit() {
        true => sum.checked_mul(10)?.checked_add(u64::from(byte & 0x0f)),
        false => None,
    })
}

fn read_transfer(value: &[u8], facts: &mut Facts<'_>, codings: &mut Codings) {
    for coding in tokens(value) {
        if is_identity(coding) {
            continue;
        }
        if coding.eq_ignore_ascii_case(b"chunked") {
            facts.transfer = Transfer::Chunked;
            continue;
        }
        codings.push(coding);
        facts.transfer = Transfer::Other;
    }
}

fn is_identity(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"identity")
}

/// The elements of a list (RFC 9110 section 5.6.1) without parameters; whitespace and control bytes around them are
/// dropped, as most readers do.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(|element| trim(element.split(|&byte| byte == b';').next().unwrap_or_default()))
        .filter(|element| !element.is_empty())
}

/// Takes whitespace and control bytes off both ends.
pub fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| byte > b' ').unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|&byte| byte > b' ').map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or_default()
}

/// Undoes obsolete line folding: each line end with the whitespace around it becomes one space (RFC 9112 section 5.2).
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> =
        value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect();
    lines.join(&b' ')
}

/// Codings of one body that are undone.
const MAX_CODINGS: usize = 4;
/// Digits of the longest length, leading zeros apart.
const MAX_LENGTH_DIGITS: usize = 19;
/// The longest header name.
const MAX_NAME_BYTES: usize = 1024;
