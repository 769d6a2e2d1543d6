//! Numbers, addresses and bytes as text, without the cost of formatting machinery.

use std::net::Ipv6Addr;

/// Writes a number in decimal.
pub fn write_int(mut value: u64, text: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
        at = at.saturating_sub(1);
        if value == 0 {
            break;
        }
    }
    text.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// Writes an IPv4 address.
pub fn write_ipv4(octets: [u8; 4], text: &mut Vec<u8>) {
    for (position, octet) in octets.into_iter().enumerate() {
        if position > 0 {
            text.push(b'.');
        }
        if octet >= 100 {
            text.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            text.push(b'0' + octet / 10 % 10);
        }
        text.push(b'0' + octet % 10);
    }
}

/// Writes an IPv6 address as RFC 5952 has it.
pub fn write_ipv6(octets: [u8; 16], text: &mut Vec<u8>) {
    let address = Ipv6Addr::from(octets);
    if let Some(v4) = address.to_ipv4_mapped() {
        text.extend_from_slice(b"::ffff:");
        write_ipv4(v4.octets(), text);
        return;
    }
    let groups = address.segments();
    let (mut best_at, mut best, mut at, mut run) = (0usize, 0usize, 0usize, 0usize);
    for (position, group) in groups.into_iter().enumerate() {
        if group != 0 {
            run = 0;
            continue;
        }
        if run == 0 {
            at = position;
        }
        run += 1;
        if run > best {
            (best_at, best) = (at, run);
        }
    }
    // A single group of zeros is not shortened, RFC 5952 section 4.2.2.
    let hole = if best > 1 { best_at..best_at + best } else { 8..8 };
    for (position, group) in groups.into_iter().enumerate() {
        if hole.contains(&position) {
            if position == hole.start {
                text.extend_from_slice(b"::");
            }
            continue;
        }
        if position > 0 && position != hole.end {
            text.push(b':');
        }
        write_group(group, text);
    }
}

fn write_group(group: u16, text: &mut Vec<u8>) {
    let mut is_leading = true;
    for shift in [12, 8, 4, 0] {
        let nibble = (group >> shift & 0xf) as u8;
        if nibble == 0 && is_leading && shift > 0 {
            continue;
        }
        is_leading = false;
        text.push(hex_digit(nibble));
    }
}

/// Writes bytes in lower-case hexadecimal.
pub fn write_hex(bytes: &[u8], text: &mut Vec<u8>) {
    for &byte in bytes {
        text.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 0xf)]);
    }
}

/// Writes bytes in base64, RFC 4648 section 4.
pub fn write_base64(bytes: &[u8], text: &mut Vec<u8>) {
    for chunk in bytes.chunks(3) {
        let byte = |position: usize| u32::from(chunk.get(position).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            let is_padding = position > chunk.len();
            text.push(if is_padding { b'=' } else { digit(BASE64, bits >> (18 - 6 * position) & 0x3f) });
        }
    }
}

/// Writes bytes in base32 with the extended hexadecimal alphabet and no padding, RFC 4648 section 7.
pub fn write_base32hex(bytes: &[u8], text: &mut Vec<u8>) {
    for chunk in bytes.chunks(5) {
        let bits = (0..5).fold(0u64, |bits, position| bits << 8 | u64::from(chunk.get(position).copied().unwrap_or(0)));
        let digits = (chunk.len() * 8).div_ceil(5);
        for position in 0..digits {
            text.push(digit(BASE32_HEX, (bits >> (35 - 5 * position) & 0x1f) as u32));
        }
    }
}

/// Writes a time as `YYYYMMDDHHmmSS`, RFC 4034 section 3.2.
pub fn write_date(seconds: u32, text: &mut Vec<u8>) {
    let (days, rest) = (i64::from(seconds / 86_400), seconds % 86_400);
    // Days are counted from March of the year 0, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let parts =
        [year / 100, year % 100, month, day, i64::from(rest / 3600), i64::from(rest / 60 % 60), i64::from(rest % 60)];
    for part in parts {
        text.extend_from_slice(&[b'0' + (part / 10 % 10) as u8, b'0' + (part % 10) as u8]);
    }
}

/// The digit of a number below 16.
fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) }
}

fn digit(alphabet: &[u8], index: u32) -> u8 {
    alphabet.get(index as usize).copied().unwrap_or(b'?')
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32_HEX: &[u8] = b"0123456789abcdefghijklmnopqrstuv";
