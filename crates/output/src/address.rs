//! IP addresses as text: dotted decimal, and RFC 5952 for IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::buffer::Buffer;

/// Writes an address.
pub(crate) fn ip(out: &mut Buffer, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => ipv4(out, v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => {
                out.put(b"::ffff:");
                ipv4(out, v4);
            }
            None => ipv6(out, v6),
        },
    }
}

fn ipv4(out: &mut Buffer, address: Ipv4Addr) {
    for octet in address.octets() {
        let (hundreds, tens, ones) = (b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10);
        match octet {
            100.. => out.put_some(&[hundreds, tens, ones, b'.'], 4),
            10.. => out.put_some(&[tens, ones, b'.', 0], 3),
            _ => out.put_some(&[ones, b'.', 0, 0], 2),
        }
    }
    out.truncate(out.len() - 1);
}

/// RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups is `::`.
fn ipv6(out: &mut Buffer, address: Ipv6Addr) {
    let groups = address.segments();
    let (mut best_start, mut best_length, mut start, mut length) = (0, 0, 0, 0);
    for (position, &group) in groups.iter().enumerate() {
        if group != 0 {
            length = 0;
            continue;
        }
        if length == 0 {
            start = position;
        }
        length += 1;
        if length > best_length {
            (best_start, best_length) = (start, length);
        }
    }
    let run = if best_length >= 2 { best_start..best_start + best_length } else { 8..8 };
    for (position, &group) in groups.iter().enumerate() {
        if position == run.start {
            out.put(if position == 0 { b"::" } else { b":" });
        }
        if !run.contains(&position) {
            hex_group(out, group);
            if position < 7 {
                out.byte(b':');
            }
        }
    }
}

fn hex_group(out: &mut Buffer, group: u16) {
    let digit = |shift: u32| b"0123456789abcdef".get(usize::from(group >> shift & 15)).copied().unwrap_or(b'0');
    let text = [digit(12), digit(8), digit(4), digit(0)];
    let zeros = (group.leading_zeros() / 4).min(3) as usize;
    out.put(text.get(zeros..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(address: IpAddr) -> String {
        let mut out = Buffer::default();
        ip(&mut out, address);
        String::from_utf8(out.since(0).to_vec()).unwrap()
    }

    #[test]
    fn addresses_are_canonical() {
        for text in [
            "::",
            "::1",
            "1::",
            "2001:db8::1",
            "2001:db8:0:1:1:1:1:1",
            "1:0:0:2::3",
            "::ffff:10.0.0.1",
            "0.0.0.0",
            "255.10.9.100",
        ] {
            assert_eq!(written(text.parse().unwrap()), text);
        }
    }

    proptest! {
        #[test]
        fn they_are_as_the_standard_library_writes_them(v4: u32, v6 in prop::array::uniform8(prop_oneof![Just(0u16), any::<u16>()])) {
            prop_assert_eq!(written(Ipv4Addr::from_bits(v4).into()), Ipv4Addr::from_bits(v4).to_string());
            let v6 = Ipv6Addr::from(v6);
            prop_assert_eq!(written(v6.into()), v6.to_string());
        }
    }
}
