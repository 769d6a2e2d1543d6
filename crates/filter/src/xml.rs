//! XML (1.0, fifth edition) to a JSON-like tree, and redactions back into the text.
//!
//! An element that holds only text is that text; else an object of its children, of its attributes (`-name`) and its
//! text (`#text`). Children of one name are a list. Names are local names, without prefix. No entity but the five
//! predefined and numeric ones is known, and no document type is read, so nothing grows while it is read.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Value as Json};

use crate::limits::MAX_XML_DEPTH;
use crate::path::REDACTED;

/// The name of an element's own text beside attributes or children.
pub(crate) const TEXT: &str = "#text";

/// An element and where it lies in the text.
#[derive(Debug, Default)]
pub(crate) struct Element {
    name: String,
    attributes: Vec<(String, String, Range<usize>)>,
    children: Vec<Element>,
    text: String,
    /// The pieces of its own text.
    texts: Vec<Range<usize>>,
    /// Between its tags; `None` for `<a/>`.
    inside: Option<Range<usize>>,
}

/// Parses a document; `None` where it is not well-formed.
pub(crate) fn parse(text: &str) -> Option<Element> {
    let mut parser = Parser { text, at: 0 };
    let mut document = Element::default();
    parser.content(&mut document, 0)?;
    (document.children.len() == 1 && document.text.trim().is_empty()).then_some(document)
}

impl Element {
    /// The element as a tree.
    pub fn to_json(&self) -> Json {
        let text = self.text.trim();
        if self.attributes.is_empty() && self.children.is_empty() {
            return Json::from(text);
        }
        let mut object = Map::new();
        for (name, value, _) in &self.attributes {
            object.insert(format!("-{name}"), Json::from(value.as_str()));
        }
        for child in &self.children {
            let value = child.to_json();
            match object.get_mut(&child.name) {
                // A list here is always one of children: an element itself is never a list.
                Some(Json::Array(items)) => items.push(value),
                Some(first) => *first = Json::Array(vec![first.take(), value]),
                None => {
                    object.insert(child.name.clone(), value);
                }
            }
        }
        if !text.is_empty() {
            object.insert(TEXT.to_owned(), Json::from(text));
        }
        Json::Object(object)
    }

    /// The text of the document with what `json`, its redacted tree, changes.
    pub fn with_changes(&self, text: &str, json: &Json) -> String {
        let mut edits = Vec::new();
        self.changes(json, &mut edits);
        edits.sort_by_key(|edit| edit.start);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for edit in edits {
            if edit.start >= at {
                out.push_str(text.get(at..edit.start).unwrap_or_default());
                out.push_str(REDACTED);
                at = edit.end;
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    fn changes(&self, json: &Json, edits: &mut Vec<Range<usize>>) {
        let object = match json {
            Json::Object(object) => object,
            Json::String(redacted) if redacted == REDACTED => {
                edits.extend(self.inside.clone());
                // Attributes are part of the value that was redacted.
                edits.extend(self.attributes.iter().map(|(_, _, range)| range.clone()));
                return;
            }
            _ => return,
        };
        for (name, value, range) in &self.attributes {
            if object.get(&format!("-{name}")).and_then(Json::as_str).is_some_and(|new| new != value) {
                edits.push(range.clone());
            }
        }
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for child in &self.children {
            let position = seen.entry(&child.name).or_default();
            match object.get(&child.name) {
                Some(Json::Array(items)) => {
                    if let Some(value) = items.get(*position) {
                        child.changes(value, edits);
                    }
                    *position += 1;
                }
                Some(value) => child.changes(value, edits),
                None => {}
            }
        }
        if object.get(TEXT).and_then(Json::as_str).is_some_and(|new| new != self.text.trim()) {
            edits.extend(self.texts.iter().cloned());
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_past(&mut self, end: &str) -> Option<&'t str> {
        let rest = self.rest();
        let length = rest.find(end)?;
        self.at += length + end.len();
        rest.get(..length)
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Reads what stands between two tags, up to `</` or the end.
    fn content(&mut self, element: &mut Element, depth: usize) -> Option<()> {
        loop {
            let from = self.at;
            let length = self.rest().find('<').unwrap_or(self.rest().len());
            let text = self.rest().get(..length)?;
            self.at += length;
            if !text.trim().is_empty() {
                unescape(text, &mut element.text)?;
                element.texts.push(from..self.at);
            }
            let from = self.at;
            let rest = self.rest();
            if rest.starts_with("</") || rest.is_empty() {
                return Some(());
            } else if rest.starts_with("<!--") {
                self.at += 4;
                self.skip_past("-->")?;
            } else if rest.starts_with("<![CDATA[") {
                self.at += 9;
                element.text.push_str(self.skip_past("]]>")?);
                element.texts.push(from..self.at);
            } else if rest.starts_with("<?") {
                self.skip_past("?>")?;
            } else if rest.starts_with("<!") {
                self.document_type()?;
            } else {
                element.children.push(self.element(depth + 1)?);
            }
        }
    }

    /// Skips `<!DOCTYPE …>` with an internal subset, if there is one.
    fn document_type(&mut self) -> Option<()> {
        let rest = self.rest();
        let close = rest.find('>')?;
        match rest.find('[') {
            Some(open) if open < close => {
                self.skip_past("]")?;
                self.skip_past(">").map(|_| ())
            }
            _ => self.skip_past(">").map(|_| ()),
        }
    }

    fn name(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let length = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=' | '<' | '"' | '\''))?;
        let name = rest.get(..length).filter(|name| !name.is_empty())?;
        self.at += length;
        Some(name)
    }

    fn element(&mut self, depth: usize) -> Option<Element> {
        if depth > MAX_XML_DEPTH {
            return None;
        }
        self.at += 1;
        let name = self.name()?;
        let mut element = Element { name: local(name).to_owned(), ..Element::default() };
        loop {
            self.skip_blanks();
            let rest = self.rest();
            if rest.starts_with("/>") {
                self.at += 2;
                return Some(element);
            }
            if rest.starts_with('>') {
                self.at += 1;
                break;
            }
            let attribute = self.name()?;
            self.skip_blanks();
            self.at += self.rest().strip_prefix('=').map(|_| 1)?;
            self.skip_blanks();
            let quote = if self.rest().starts_with('"') { "\"" } else { "'" };
            self.rest().strip_prefix(quote)?;
            self.at += 1;
            let from = self.at;
            let written = self.skip_past(quote)?;
            let mut value = String::new();
            unescape(written, &mut value)?;
            element.attributes.push((local(attribute).to_owned(), value, from..from + written.len()));
        }
        let from = self.at;
        self.content(&mut element, depth)?;
        element.inside = Some(from..self.at);
        self.at += self.rest().strip_prefix("</").map(|_| 2)?;
        if self.name()? != name {
            return None;
        }
        self.skip_blanks();
        self.at += self.rest().strip_prefix('>').map(|_| 1)?;
        Some(element)
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Undoes references (XML 1.0 sections 4.1 and 4.6); an unknown one stands as written.
fn unescape(text: &str, out: &mut String) -> Option<()> {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let reference = from.get(1..)?.split_once(';').filter(|(name, _)| name.len() <= 10);
        let known = reference.and_then(|(name, after)| Some((character(name)?, after)));
        match known {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = from.get(1..)?;
            }
        }
    }
    out.push_str(rest);
    Some(())
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_become_trees() {
        let cases = [
            ("<a>x</a>", json!({"a": "x"})),
            ("<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a/>", json!({"a": ""})),
            ("<a><b>1</b><c/><b>2</b></a>", json!({"a": {"b": ["1", "2"], "c": ""}})),
            (
                "<s:a k=\"v\" l='&lt;'>x &amp; y<!-- no --></s:a>",
                json!({"a": {"-k": "v", "-l": "<", "#text": "x & y"}}),
            ),
            ("<a><![CDATA[<b>]]></a>", json!({"a": "<b>"})),
            ("<a>&#65;&#x42;&unknown;</a>", json!({"a": "AB&unknown;"})),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|document| document.to_json()), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let deep = "<a>".repeat(100_000);
        for text in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a",
            "<a k></a>",
            "<a k=v/>",
            "<a/><b/>",
            "</a>",
            "<!-- x",
            "<a><![CDATA[x</a>",
            &deep,
        ] {
            assert!(parse(text).is_none(), "{}", text.chars().take(20).collect::<String>());
        }
    }
}
