//! From a head to a message: sets the fields that somebody will read and finds out how the body is framed.
//!
//! RFC 9110 section 4.2 and RFC 9112 sections 3.2 and 6.3.

use lanternfish_dissect::Out;
use lanternfish_model::{Cause, FieldIndex, Message, Outcome};
use memchr::{memchr, memmem};

use super::body::{Form, Framing, Step};
use super::head::{self, Codings, Facts, Length, Transfer};
use super::in_flight::Kind;
use super::start::{RequestLine, StatusLine};
use super::{fields, values};

/// What the head of a message tells of its body.
pub struct BodyFacts {
    /// How it is framed; `None` where there is no body.
    pub framing: Option<Framing>,
    /// How it is coded.
    pub codings: Codings,
    /// What is made of it.
    pub form: Form,
    /// Whether the message asks for another protocol.
    pub has_upgrade: bool,
}

/// The bytes of a head and where its lines end.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The bytes, the empty line included where it was seen.
    pub bytes: &'a [u8],
    /// The offset of the LF of each line.
    pub lines: &'a [u32],
}

struct Wanted<'a>(&'a [bool]);

impl Wanted<'_> {
    fn has(&self, field: FieldIndex) -> bool {
        self.0.get(usize::from(field.0)).copied().unwrap_or(false)
    }
}

/// Sets the fields of a request.
pub fn fill_request(message: &mut Message, line: &RequestLine<'_>, head: Head<'_>, out: &mut Out<'_>) -> BodyFacts {
    let wants = Wanted(out.wants.of(out.protocol));
    let limit = out.limits.items;
    if wants.has(fields::METHOD) {
        message.values.text(fields::METHOD, line.method);
    }
    if wants.has(fields::HTTP_VERSION) && !line.version.is_empty() {
        message.values.text(fields::HTTP_VERSION, line.version);
    }
    let is_connect = line.method == b"CONNECT";
    let target = split_target(line.target, is_connect);
    if wants.has(fields::URL) {
        match target.is_rootless {
            true => message.values.text_parts(fields::URL, &[b"/", target.path_and_query]),
            false => message.values.text(fields::URL, target.path_and_query),
        }
    }
    let question = memchr(b'?', target.path_and_query).filter(|_| !is_connect);
    if wants.has(fields::PATH) {
        let path = target.path_and_query.get(..question.unwrap_or(target.path_and_query.len())).unwrap_or_default();
        message.values.text(fields::PATH, if path.is_empty() { b"/" } else { path });
    }
    let mut is_over_limit = false;
    if let Some(question) = question
        && wants.has(fields::QUERY_STRING)
    {
        let query = target.path_and_query.get(question + 1..).unwrap_or_default();
        let query = query.get(..memchr(b'#', query).unwrap_or(query.len())).unwrap_or_default();
        is_over_limit |= !values::pairs(&mut message.values, fields::QUERY_STRING, query, limit);
    }
    if wants.has(fields::HTTP_TARGET) {
        message.values.text(fields::HTTP_TARGET, line.target);
    }
    let names = Names {
        headers: fields::REQUEST_HEADERS,
        cookies: fields::REQUEST_COOKIES,
        content_type: fields::REQUEST_CONTENT_TYPE,
        size: fields::REQUEST_HEADERS_SIZE,
    };
    let (facts, is_cut) = fill_headers(message, head, &names, &wants, limit);
    if wants.has(fields::HTTP_HOST)
        && let Some(host) = target.authority.or(facts.host)
    {
        message.values.text(fields::HTTP_HOST, host);
    }
    let form = match facts.content_type {
        Some(media) if wants.has(fields::REQUEST_FORM) || wants.has(fields::REQUEST_PARTS) => form_of(media, &wants),
        _ => Form::None,
    };
    let framing = match (facts.transfer, facts.length) {
        (Transfer::Chunked, _) => Some(Framing::Chunked(Step::Size)),
        // Of lengths that differ the last one is taken; a server refuses such a request (RFC 9112 section 6.3).
        (_, Length::Bytes(length) | Length::Conflict(length)) if length > 0 => Some(Framing::Length(length)),
        // RFC 9112 section 6.3: a request without a length has no body, one whose coding is not chunked no known end.
        (Transfer::Other, Length::Absent) => Some(Framing::UntilEnd),
        _ => None,
    };
    if is_over_limit || is_cut {
        note_limit(message, out);
    }
    BodyFacts { framing, codings: facts.codings, form, has_upgrade: facts.has_upgrade }
}

/// Sets the fields of a response to a request of this kind.
pub fn fill_response(
    message: &mut Message,
    line: &StatusLine<'_>,
    head: Head<'_>,
    kind: Kind,
    out: &mut Out<'_>,
) -> BodyFacts {
    let wants = Wanted(out.wants.of(out.protocol));
    message.status_code = Some(i64::from(line.status));
    message.outcome = outcome(line.status);
    if wants.has(fields::HTTP_VERSION) {
        message.values.text(fields::HTTP_VERSION, line.version);
    }
    if wants.has(fields::HTTP_REASON) && !line.reason.is_empty() {
        message.values.text(fields::HTTP_REASON, line.reason);
    }
    let names = Names {
        headers: fields::RESPONSE_HEADERS,
        cookies: fields::RESPONSE_COOKIES,
        content_type: fields::RESPONSE_CONTENT_TYPE,
        size: fields::RESPONSE_HEADERS_SIZE,
    };
    let (facts, is_cut) = fill_headers(message, head, &names, &wants, out.limits.items);
    let is_bodiless = kind == Kind::Head || matches!(line.status, 100..=199 | 204 | 304);
    let framing = match (facts.transfer, facts.length) {
        _ if is_bodiless => None,
        (Transfer::Chunked, _) => Some(Framing::Chunked(Step::Size)),
        (Transfer::Other, _) => Some(Framing::UntilEnd),
        (_, Length::Bytes(0)) => None,
        (_, Length::Bytes(length)) => Some(Framing::Length(length)),
        (_, Length::Absent | Length::Unusable | Length::Conflict(_)) => Some(Framing::UntilEnd),
    };
    if is_cut {
        note_limit(message, out);
    }
    BodyFacts { framing, codings: facts.codings, form: Form::None, has_upgrade: facts.has_upgrade }
}

/// How a call with this status went.
pub const fn outcome(status: u16) -> Outcome {
    match status {
        ..400 => Outcome::Ok,
        400..500 => Outcome::ClientError,
        // RFC 9110 section 15: a status that is not understood counts as the x00 of its class; there is none above 5.
        500.. => Outcome::ServerError,
    }
}

struct Names {
    headers: FieldIndex,
    cookies: FieldIndex,
    content_type: FieldIndex,
    size: FieldIndex,
}

/// Sets what the headers tell; the second value says whether some were left out for the limit.
fn fill_headers<'a>(
    message: &mut Message,
    head: Head<'a>,
    names: &Names,
    wants: &Wanted<'_>,
    limit: usize,
) -> (Facts<'a>, bool) {
    let (facts, oddities) = if wants.has(names.headers) {
        let mut map = message.values.map(names.headers);
        let read = head::read(head.bytes, head.lines, Some(&mut map), limit);
        map.finish();
        read
    } else {
        head::read(head.bytes, head.lines, None, limit)
    };
    oddities.note(message);
    let mut is_over_limit = facts.is_over_limit;
    if facts.has_cookies && wants.has(names.cookies) {
        let headers = head::headers(head.bytes, head.lines, false);
        is_over_limit |= !values::cookies(&mut message.values, names.cookies, headers, limit);
    }
    if let Some(content_type) = facts.content_type
        && wants.has(names.content_type)
    {
        message.values.text(names.content_type, content_type);
    }
    if wants.has(names.size) {
        message.values.int(names.size, head.bytes.len() as i64);
    }
    (facts, is_over_limit)
}

fn note_limit(message: &mut Message, out: &mut Out<'_>) {
    message.note("more headers, cookies or parameters than the limit");
    out.count(Cause::LimitReached, 1);
}

struct Target<'a> {
    authority: Option<&'a [u8]>,
    path_and_query: &'a [u8],
    /// Whether the path is empty, so that it begins with the query string.
    is_rootless: bool,
}

/// Takes a request target apart: origin, absolute, authority or asterisk form (RFC 9112 section 3.2).
fn split_target(target: &[u8], is_connect: bool) -> Target<'_> {
    let origin = Target { authority: None, path_and_query: target, is_rootless: false };
    if is_connect {
        return Target { authority: Some(target), ..origin };
    }
    if target.first() == Some(&b'/') {
        return origin;
    }
    let scheme = target.get(..MAX_SCHEME_BYTES).unwrap_or(target);
    let Some(authority_at) = memmem::find(scheme, b"://").map(|colon| colon + 3) else {
        return origin;
    };
    let rest = target.get(authority_at..).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    Target { authority: Some(authority), path_and_query, is_rootless: path_and_query.first() != Some(&b'/') }
}

fn form_of(media: &[u8], wants: &Wanted<'_>) -> Form {
    let essence = head::trim(media.get(..memchr(b';', media).unwrap_or(media.len())).unwrap_or(media));
    if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") && wants.has(fields::REQUEST_FORM) {
        return Form::UrlEncoded;
    }
    let is_multipart = essence.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"));
    match values::parameter(media, b"boundary") {
        // RFC 2046 section 5.1.1: 1 to 70 characters.
        Some(boundary) if is_multipart && wants.has(fields::REQUEST_PARTS) && matches!(boundary.len(), 1..=70) => {
            Form::Multipart(boundary.into())
        }
        _ => Form::None,
    }
}

/// A scheme and its `://` are not longer than this.
const MAX_SCHEME_BYTES: usize = 16;
