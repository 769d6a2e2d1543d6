//! The data of resource records as text, as zone files have it (RFC 1035 section 5.1 and those of each type).
//!
//! Keys and digests are written in full, signatures are left out. A text record with one string is written without
//! quotes. Types without a form here, and data that does not fit its type, are written as RFC 3597 section 5 has it.

use super::frame::Record;
use super::name;
use super::text::{write_base32hex, write_base64, write_date, write_hex, write_int, write_ipv4, write_ipv6};
use super::types::{rtype, service_key_name, type_name};

/// Writes the data of a record and says whether it fitted its type.
pub fn write(message: &[u8], record: &Record, text: &mut Vec<u8>) -> bool {
    let begin = text.len();
    let mut data = Data { message, at: record.data_at, end: record.end };
    if record.data_at == record.end {
        // Updates and queries carry records without data, RFC 2136 section 2.4.
        return true;
    }
    match typed(&mut data, record.rtype, text) {
        Some(true) => true,
        outcome => {
            text.truncate(begin);
            let bytes = message.get(record.data_at..record.end).unwrap_or_default();
            text.extend_from_slice(b"\\# ");
            write_int(bytes.len() as u64, text);
            text.push(b' ');
            write_hex(bytes, text);
            outcome.is_some()
        }
    }
}

/// Writes the name of a type; types without one as RFC 3597 section 5 has it.
pub fn write_type(number: u16, text: &mut Vec<u8>) {
    match type_name(number) {
        Some(name) => text.extend_from_slice(name.as_bytes()),
        None => {
            text.extend_from_slice(b"TYPE");
            write_int(u64::from(number), text);
        }
    }
}

/// Writes the data of a known type. `None` where it does not fit its type, `false` where the type has no form.
fn typed(data: &mut Data<'_>, number: u16, text: &mut Vec<u8>) -> Option<bool> {
    match number {
        rtype::A => {
            let octets = data.take::<4>()?;
            write_ipv4(octets, text);
        }
        rtype::AAAA => {
            let octets = data.take::<16>()?;
            write_ipv6(octets, text);
        }
        rtype::NS..=rtype::CNAME | rtype::MB..=rtype::MR | rtype::PTR | rtype::DNAME => data.name(text)?,
        rtype::MX | rtype::AFSDB | rtype::RT | rtype::KX => {
            data.int16(text)?;
            text.push(b' ');
            data.name(text)?;
        }
        rtype::TXT | rtype::SPF => strings(data, text)?,
        rtype::HINFO => quoted_strings(data, text)?,
        rtype::MINFO | rtype::RP => {
            data.name(text)?;
            text.push(b' ');
            data.name(text)?;
        }
        rtype::SOA => {
            data.name(text)?;
            text.push(b' ');
            data.name(text)?;
            for _ in 0..5 {
                text.push(b' ');
                data.int32(text)?;
            }
        }
        rtype::SRV => {
            for _ in 0..3 {
                data.int16(text)?;
                text.push(b' ');
            }
            data.name(text)?;
        }
        rtype::NAPTR => {
            for _ in 0..2 {
                data.int16(text)?;
                text.push(b' ');
            }
            for _ in 0..3 {
                data.quoted(text)?;
                text.push(b' ');
            }
            data.name(text)?;
        }
        rtype::URI => {
            for _ in 0..2 {
                data.int16(text)?;
                text.push(b' ');
            }
            quote(data.rest(), text);
        }
        rtype::CAA => {
            data.int8(text)?;
            text.push(b' ');
            let length = usize::from(data.byte()?);
            text.extend_from_slice(data.bytes(length)?);
            text.push(b' ');
            quote(data.rest(), text);
        }
        rtype::SVCB | rtype::HTTPS => service(data, text)?,
        rtype::DS | rtype::CDS => {
            data.int16(text)?;
            for _ in 0..2 {
                text.push(b' ');
                data.int8(text)?;
            }
            hex_rest(data, text);
        }
        rtype::TLSA | rtype::SMIMEA => {
            data.int8(text)?;
            for _ in 0..2 {
                text.push(b' ');
                data.int8(text)?;
            }
            hex_rest(data, text);
        }
        rtype::SSHFP => {
            data.int8(text)?;
            text.push(b' ');
            data.int8(text)?;
            hex_rest(data, text);
        }
        rtype::DNSKEY | rtype::CDNSKEY => {
            data.int16(text)?;
            for _ in 0..2 {
                text.push(b' ');
                data.int8(text)?;
            }
            text.push(b' ');
            write_base64(data.rest(), text);
        }
        rtype::RRSIG => signature(data, text)?,
        rtype::NSEC => {
            data.name(text)?;
            type_bits(data, text)?;
        }
        rtype::NSEC3 => {
            salted(data, text)?;
            text.push(b' ');
            let length = usize::from(data.byte()?);
            write_base32hex(data.bytes(length)?, text);
            type_bits(data, text)?;
        }
        rtype::NSEC3PARAM => salted(data, text)?,
        rtype::CSYNC => {
            data.int32(text)?;
            text.push(b' ');
            data.int16(text)?;
            type_bits(data, text)?;
        }
        rtype::TSIG => {
            data.name(text)?;
            text.extend_from_slice(b" signature");
            data.rest();
        }
        _ => return Some(false),
    }
    if data.at == data.end { Some(true) } else { None }
}

/// Text strings: a single one as it is, several in quotes.
fn strings(data: &mut Data<'_>, text: &mut Vec<u8>) -> Option<()> {
    let length = usize::from(*data.message.get(data.at)?);
    if data.at.saturating_add(1).saturating_add(length) != data.end {
        return quoted_strings(data, text);
    }
    data.byte()?;
    let bytes = data.bytes(length)?;
    match std::str::from_utf8(bytes) {
        Ok(_) => text.extend_from_slice(bytes),
        Err(_) => write_visible(bytes, text),
    }
    Some(())
}

fn quoted_strings(data: &mut Data<'_>, text: &mut Vec<u8>) -> Option<()> {
    let mut is_first = true;
    while data.at < data.end {
        if !is_first {
            text.push(b' ');
        }
        is_first = false;
        data.quoted(text)?;
    }
    Some(())
}

fn quote(bytes: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    if bytes.iter().any(|byte| matches!(byte, b'"' | b'\\')) || std::str::from_utf8(bytes).is_err() {
        write_visible(bytes, text);
    } else {
        text.extend_from_slice(bytes);
    }
    text.push(b'"');
}

fn write_visible(bytes: &[u8], text: &mut Vec<u8>) {
    let is_utf8 = std::str::from_utf8(bytes).is_ok();
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => text.push(byte),
            0x80.. if is_utf8 => text.push(byte),
            _ => name::write_decimal_escape(byte, text),
        }
    }
}

fn hex_rest(data: &mut Data<'_>, text: &mut Vec<u8>) {
    text.push(b' ');
    write_hex(data.rest(), text);
}

/// RFC 4034 section 3.2, without the signature itself.
fn signature(data: &mut Data<'_>, text: &mut Vec<u8>) -> Option<()> {
    write_type(data.word()?, text);
    for _ in 0..2 {
        text.push(b' ');
        data.int8(text)?;
    }
    text.push(b' ');
    data.int32(text)?;
    for _ in 0..2 {
        text.push(b' ');
        write_date(u32::from_be_bytes(data.take::<4>()?), text);
    }
    text.push(b' ');
    data.int16(text)?;
    text.push(b' ');
    data.name(text)?;
    data.rest();
    Some(())
}

/// The beginning that NSEC3 and NSEC3PARAM share, RFC 5155 sections 3.2 and 4.2.
fn salted(data: &mut Data<'_>, text: &mut Vec<u8>) -> Option<()> {
    for _ in 0..2 {
        data.int8(text)?;
        text.push(b' ');
    }
    data.int16(text)?;
    text.push(b' ');
    let length = usize::from(data.byte()?);
    if length == 0 {
        text.push(b'-');
    }
    write_hex(data.bytes(length)?, text);
    Some(())
}

/// The types of a name, RFC 4034 section 4.1.2.
fn type_bits(data: &mut Data<'_>, text: &mut Vec<u8>) -> Option<()> {
    while data.at < data.end {
        let window = u16::from(data.byte()?);
        let length = usize::from(data.byte()?);
        for (position, byte) in data.bytes(length)?.iter().enumerate().take(32) {
            for bit in 0..8u16 {
                if byte & (0x80 >> bit) != 0 {
                    text.push(b' ');
                    write_type(window << 8 | (position as u16) << 3 | bit, text);
                }
            }
        }
    }
    Some(())
}

/// Service bindings, RFC 9460 section 2.1.
fn service(data: &mut Data<'_>, text: &mut Vec<u8>) -> Option<()> {
    data.int16(text)?;
    text.push(b' ');
    data.name(text)?;
    while data.at < data.end {
        let key = data.word()?;
        let length = usize::from(data.word()?);
        let mut value = data.part(length)?;
        text.push(b' ');
        match service_key_name(key) {
            Some(name) => text.extend_from_slice(name.as_bytes()),
            None => {
                text.extend_from_slice(b"key");
                write_int(u64::from(key), text);
            }
        }
        if length > 0 {
            text.push(b'=');
            service_value(&mut value, key, text)?;
        }
    }
    Some(())
}

fn service_value(value: &mut Data<'_>, key: u16, text: &mut Vec<u8>) -> Option<()> {
    let begin = value.at;
    while value.at < value.end {
        if value.at > begin {
            text.push(b',');
        }
        match key {
            0 => {
                let named = value.word()?;
                match service_key_name(named) {
                    Some(name) => text.extend_from_slice(name.as_bytes()),
                    None => {
                        text.extend_from_slice(b"key");
                        write_int(u64::from(named), text);
                    }
                }
            }
            1 => {
                let length = usize::from(value.byte()?);
                write_visible(value.bytes(length)?, text);
            }
            3 => value.int16(text)?,
            4 => write_ipv4(value.take::<4>()?, text),
            5 => write_base64(value.rest(), text),
            6 => write_ipv6(value.take::<16>()?, text),
            _ => write_visible(value.rest(), text),
        }
    }
    Some(())
}

/// A reader of the data of one record; names may point out of it into the message.
struct Data<'a> {
    message: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Data<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let behind = self.at.saturating_add(length);
        if behind > self.end {
            return None;
        }
        let bytes = self.message.get(self.at..behind)?;
        self.at = behind;
        Some(bytes)
    }

    fn part(&mut self, length: usize) -> Option<Data<'a>> {
        let at = self.at;
        self.bytes(length)?;
        Some(Data { message: self.message, at, end: self.at })
    }

    fn rest(&mut self) -> &'a [u8] {
        self.bytes(self.end.saturating_sub(self.at)).unwrap_or_default()
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.first_chunk::<N>().copied()
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn word(&mut self) -> Option<u16> {
        self.take::<2>().map(u16::from_be_bytes)
    }

    fn int8(&mut self, text: &mut Vec<u8>) -> Option<()> {
        write_int(u64::from(self.byte()?), text);
        Some(())
    }

    fn int16(&mut self, text: &mut Vec<u8>) -> Option<()> {
        write_int(u64::from(self.word()?), text);
        Some(())
    }

    fn int32(&mut self, text: &mut Vec<u8>) -> Option<()> {
        write_int(u64::from(u32::from_be_bytes(self.take::<4>()?)), text);
        Some(())
    }

    fn name(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let behind = name::write(self.message, self.at, text)?;
        if behind > self.end {
            return None;
        }
        self.at = behind;
        Some(())
    }

    fn quoted(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let length = usize::from(self.byte()?);
        quote(self.bytes(length)?, text);
        Some(())
    }
}
