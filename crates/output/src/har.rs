//! HTTP calls as an HTTP Archive (HAR 1.2), as browsers' developer tools read it.
//!
//! Entries that are no HTTP call are left out. Times are milliseconds; sizes that are not known are -1, as HAR says.

use lanternfish_model::{Entry, FieldId, FieldTable, MapRef, Message, Value};
use serde_json::{Map, Value as Json, json};

use crate::base64;
use crate::time::TimeText;

/// Writes HTTP entries as objects of `log.entries`.
#[derive(Clone, Debug)]
pub(crate) struct HarWriter {
    fields: Option<Fields>,
    times: TimeText,
}

/// Where the facts are.
#[derive(Clone, Copy, Debug)]
struct Fields {
    method: FieldId,
    url: FieldId,
    host: FieldId,
    version: FieldId,
    query: FieldId,
    reason: FieldId,
    headers: [FieldId; 2],
    cookies: [FieldId; 2],
    content_type: [FieldId; 2],
    headers_size: [FieldId; 2],
    body_size: [FieldId; 2],
    stream: FieldId,
}

impl Fields {
    fn find(table: &FieldTable) -> Option<Fields> {
        let both = |name: &str| {
            let of = |side: &str| table.find(&name.replace('*', side));
            Some([of("request")?, of("response")?])
        };
        Some(Fields {
            method: table.find("method")?,
            url: table.find("url")?,
            host: table.find("http_host")?,
            version: table.find("http_version")?,
            query: table.find("query_string")?,
            reason: table.find("http_reason")?,
            headers: both("*.headers")?,
            cookies: both("*.cookies")?,
            content_type: both("*_content_type")?,
            headers_size: both("*_headers_size")?,
            body_size: both("*_body_size")?,
            stream: table.find("stream")?,
        })
    }
}

impl HarWriter {
    /// A writer for the entries of a table.
    pub(crate) fn new(table: &FieldTable) -> HarWriter {
        HarWriter { fields: Fields::find(table), times: TimeText::default() }
    }

    /// Writes what stands before the first entry.
    pub(crate) fn begin(out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"log":{"version":"1.2","creator":{"name":"lanternfish","version":""#);
        out.extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes());
        out.extend_from_slice(b"\"},\"pages\":[],\"entries\":[\n");
    }

    /// Writes what stands behind the last entry; an empty comment is left out.
    pub(crate) fn end(comment: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\n]");
        if !comment.is_empty() {
            out.extend_from_slice(b",\"comment\":");
            // A text is always written.
            let _ = serde_json::to_writer(&mut *out, comment);
        }
        out.extend_from_slice(b"}}\n");
    }

    /// Whether an entry is an HTTP call that was asked.
    pub(crate) fn takes(&self, entry: &Entry, table: &FieldTable) -> bool {
        let is_asked = |fields: &Fields| matches!(entry.value(table, fields.method), Value::Text(_));
        entry.request.is_some() && self.fields.as_ref().is_some_and(is_asked)
    }

    /// Writes an HTTP call; nothing for another entry.
    pub(crate) fn write(&mut self, entry: &Entry, table: &FieldTable, out: &mut Vec<u8>) {
        let Some(fields) = self.fields.filter(|_| self.takes(entry, table)) else { return };
        let total_ms = entry.elapsed_ns.map_or(0.0, milliseconds);
        let wait_ms = entry.first_byte_ns.map_or(0.0, milliseconds);
        let mut started = crate::buffer::Buffer::default();
        self.times.write(&mut started, entry.timestamp);
        let mut time = Vec::new();
        started.move_to(&mut time);
        let call = json!({
            "startedDateTime": String::from_utf8_lossy(&time),
            "time": total_ms,
            "request": request(entry, table, &fields),
            "response": response(entry, table, &fields),
            "cache": {},
            "timings": { "send": 0, "wait": wait_ms, "receive": (total_ms - wait_ms).max(0.0) },
            "serverIPAddress": entry.dst.endpoint.ip.to_string(),
            "connection": text(entry.value(table, fields.stream)),
            "comment": entry.notes.iter().collect::<Vec<_>>().join("; "),
        });
        // A value made of texts and numbers is always written.
        let _ = serde_json::to_writer(out, &call);
    }
}

fn request(entry: &Entry, table: &FieldTable, fields: &Fields) -> Json {
    let value = |field| entry.value(table, field);
    let [headers, _] = fields.headers;
    let [cookies, _] = fields.cookies;
    let [content_type, _] = fields.content_type;
    let mut request = json!({
        "method": text(value(fields.method)),
        "url": url(entry, &text(value(fields.host)), &text(value(fields.url))),
        "httpVersion": version(value(fields.version)),
        "cookies": pairs(value(cookies)),
        "headers": pairs(value(headers)),
        "queryString": pairs(value(fields.query)),
        "headersSize": size(value(fields.headers_size[0])),
        "bodySize": size(value(fields.body_size[0])),
    });
    if let Some(message) = entry.request.as_deref().filter(|message| message.body.is_present)
        && let Some(request) = request.as_object_mut()
    {
        let mut data = body(message);
        data.insert("mimeType".to_owned(), text(value(content_type)).into());
        request.insert("postData".to_owned(), data.into());
    }
    request
}

fn response(entry: &Entry, table: &FieldTable, fields: &Fields) -> Json {
    let value = |field| entry.value(table, field);
    let [_, headers] = fields.headers;
    let [_, cookies] = fields.cookies;
    let [_, content_type] = fields.content_type;
    let mut content = entry.response.as_deref().map(body).unwrap_or_default();
    let kept = entry.response.as_deref().map_or(0, |message| message.body.bytes.len());
    content.insert("size".to_owned(), kept.into());
    content.insert("mimeType".to_owned(), text(value(content_type)).into());
    let location = match value(headers) {
        Value::Map(map) => map.find(b"location", true).map(lossy).unwrap_or_default(),
        _ => String::new(),
    };
    json!({
        "status": entry.status_code().unwrap_or(0),
        "statusText": text(value(fields.reason)),
        "httpVersion": version(value(fields.version)),
        "cookies": pairs(value(cookies)),
        "headers": pairs(value(headers)),
        "content": content,
        "redirectURL": location,
        "headersSize": size(value(fields.headers_size[1])),
        "bodySize": size(value(fields.body_size[1])),
    })
}

/// The text of a body; bytes that are no text are base64 and say so.
fn body(message: &Message) -> Map<String, Json> {
    let mut data = Map::new();
    match std::str::from_utf8(&message.body.bytes) {
        Ok(text) => {
            data.insert("text".to_owned(), text.into());
        }
        Err(_) => {
            data.insert("text".to_owned(), base64::text(&message.body.bytes).into());
            data.insert("encoding".to_owned(), "base64".into());
        }
    }
    if message.body.is_cut {
        data.insert("comment".to_owned(), "not all of it was kept".into());
    }
    data
}

/// An absolute URL, as HAR wants it; the scheme is that of the wire.
fn url(entry: &Entry, host: &str, path: &str) -> String {
    if path.contains("://") {
        return path.to_owned();
    }
    let host = if host.is_empty() { entry.dst.endpoint.to_string() } else { host.to_owned() };
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("http://{host}{slash}{path}")
}

fn version(value: Value<'_>) -> String {
    match text(value) {
        number if number.is_empty() => number,
        number => format!("HTTP/{number}"),
    }
}

fn pairs(value: Value<'_>) -> Json {
    let Value::Map(map) = value else { return Json::Array(Vec::new()) };
    let pair = |(name, value): (&[u8], &[u8])| json!({ "name": lossy(name), "value": lossy(value) });
    MapRef::iter_bytes(map).map(pair).collect()
}

fn text(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Bytes(bytes) => lossy(bytes),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    }
}

fn size(value: Value<'_>) -> i64 {
    if let Value::Int(size) = value { size } else { -1 }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn milliseconds(ns: i64) -> f64 {
    ns as f64 / 1e6
}
