//! Values that their column cannot hold exactly: text that is not UTF-8, or a value of another type than the field's.
//!
//! One column holds those of a row as a list of name, kind and bytes; the field's own column has something like it for
//! queries. `Rows` takes the value from here.

use std::net::{Ipv4Addr, Ipv6Addr};

use lanternfish_model::{FieldIndex, Timestamp, Value, Values};

use crate::varint::{self, Reader};

/// Adds a value.
pub(crate) fn put(out: &mut Vec<u8>, name: &str, value: Value<'_>) {
    let mut payload = Vec::new();
    let kind = match value {
        Value::Absent => return,
        Value::Bytes(bytes) => {
            payload.extend_from_slice(bytes);
            kind::BYTES
        }
        Value::Text(text) => {
            payload.extend_from_slice(text.as_bytes());
            kind::TEXT
        }
        Value::Bool(value) => {
            payload.push(u8::from(value));
            kind::BOOL
        }
        Value::Int(number) => {
            varint::put_signed(&mut payload, number);
            kind::INT
        }
        Value::Double(number) => {
            payload.extend_from_slice(&number.to_bits().to_le_bytes());
            kind::DOUBLE
        }
        Value::Time(time) => {
            varint::put_signed(&mut payload, time.ns());
            kind::TIME
        }
        Value::Ip(ip) => {
            match ip {
                std::net::IpAddr::V4(ip) => payload.extend_from_slice(&ip.octets()),
                std::net::IpAddr::V6(ip) => payload.extend_from_slice(&ip.octets()),
            }
            kind::IP
        }
        Value::List(list) => {
            list.iter_bytes().for_each(|item| varint::put_bytes(&mut payload, item));
            kind::LIST
        }
        Value::Map(map) => {
            for (name, value) in map.iter_bytes() {
                varint::put_bytes(&mut payload, name);
                varint::put_bytes(&mut payload, value);
            }
            kind::MAP
        }
    };
    varint::put_bytes(out, name.as_bytes());
    out.push(kind);
    varint::put_bytes(out, &payload);
}

/// A value as it was stored.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub name: &'a str,
    kind: u8,
    payload: &'a [u8],
}

impl Raw<'_> {
    /// Sets the value of a field.
    pub(crate) fn set(&self, values: &mut Values, field: FieldIndex) {
        let mut reader = Reader::new(self.payload);
        match self.kind {
            kind::BYTES => values.bytes(field, self.payload),
            kind::TEXT => values.text(field, self.payload),
            kind::BOOL => values.bool(field, reader.byte() != 0),
            kind::INT => values.int(field, reader.signed()),
            kind::DOUBLE => {
                if let Some(bits) = self.payload.first_chunk::<8>() {
                    values.double(field, f64::from_bits(u64::from_le_bytes(*bits)));
                }
            }
            kind::TIME => values.time(field, Timestamp::from_ns(reader.signed())),
            kind::IP => match (<[u8; 4]>::try_from(self.payload), <[u8; 16]>::try_from(self.payload)) {
                (Ok(ip), _) => values.ip(field, Ipv4Addr::from(ip).into()),
                (_, Ok(ip)) => values.ip(field, Ipv6Addr::from(ip).into()),
                _ => {}
            },
            kind::LIST => {
                let mut list = values.list(field);
                while !reader.is_empty() {
                    list.push(reader.bytes());
                }
                list.finish();
            }
            kind::MAP => {
                let mut map = values.map(field);
                while !reader.is_empty() {
                    let name = reader.bytes();
                    map.push(name, reader.bytes());
                }
                map.finish();
            }
            // A kind of a later version: the column has something like it.
            _ => {}
        }
    }
}

/// The values of a row.
pub(crate) fn read(bytes: &[u8]) -> impl Iterator<Item = Raw<'_>> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let name = reader.text();
        let kind = reader.byte();
        let payload = reader.bytes();
        if reader.is_short() { None } else { Some(Raw { name, kind, payload }) }
    })
}

mod kind {
    pub const BYTES: u8 = 0;
    pub const TEXT: u8 = 1;
    pub const BOOL: u8 = 2;
    pub const INT: u8 = 3;
    pub const DOUBLE: u8 = 4;
    pub const TIME: u8 = 5;
    pub const IP: u8 = 6;
    pub const LIST: u8 = 7;
    pub const MAP: u8 = 8;
}
