//! Neighbour discovery (RFC 4861) and multicast listeners (RFC 2710, RFC 3810): what ICMPv6 messages say of the link.

use std::net::Ipv6Addr;

use lanternfish_model::ListWriter;

/// The options of a neighbour or router message; `None` for other types.
pub fn options(kind: u8, message: &[u8]) -> Option<&[u8]> {
    let at = match kind {
        133 => 8,
        134 => 16,
        135 | 136 => 24,
        137 => 40,
        141 | 142 => 8,
        _ => return None,
    };
    message.get(at..).filter(|options| !options.is_empty())
}

/// Writes the options as text, at most `limit`.
pub fn write_options(mut rest: &[u8], limit: usize, list: &mut ListWriter<'_>) {
    for _ in 0..limit {
        let Some([kind, units]) = rest.first_chunk::<2>() else { return };
        // An option without a length would never end, RFC 4861 section 4.6.
        if *units == 0 {
            return;
        }
        let length = usize::from(*units).saturating_mul(8);
        let Some((option, next)) = rest.split_at_checked(length) else { return };
        write_option(*kind, option, list);
        rest = next;
    }
}

fn write_option(kind: u8, option: &[u8], list: &mut ListWriter<'_>) {
    match kind {
        1 => list.push_fmt(format_args!("source link-layer address {}", Mac(option))),
        2 => list.push_fmt(format_args!("target link-layer address {}", Mac(option))),
        3 => match (option.get(2), address(option, 16)) {
            (Some(length), Some(prefix)) => list.push_fmt(format_args!("prefix {prefix}/{length}")),
            _ => list.push(b"prefix"),
        },
        4 => list.push(b"redirected header"),
        5 => match option.get(4..).and_then(|bytes| bytes.first_chunk::<4>()) {
            Some(bytes) => list.push_fmt(format_args!("MTU {}", u32::from_be_bytes(*bytes))),
            None => list.push(b"MTU"),
        },
        14 => list.push(b"nonce"),
        24 => list.push(b"route information"),
        25 => {
            for at in (8..option.len()).step_by(16) {
                if let Some(server) = address(option, at) {
                    list.push_fmt(format_args!("DNS server {server}"));
                }
            }
        }
        31 => list.push(b"DNS search list"),
        38 => list.push(b"PREF64"),
        other => list.push_fmt(format_args!("option {other}")),
    }
}

/// The address at an offset.
pub fn address(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    bytes.get(at..)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets))
}

/// Calls `each` with the groups of a multicast listener message, at most `limit`.
pub fn groups(kind: u8, message: &[u8], limit: usize, mut each: impl FnMut(Ipv6Addr)) {
    match kind {
        130..=132 => {
            if let Some(group) = address(message, 8)
                && !group.is_unspecified()
            {
                each(group);
            }
        }
        // RFC 3810 section 5.2: records of eight bytes and more, each with the sources and auxiliary data of a group.
        143 => {
            let mut rest = message.get(8..).unwrap_or_default();
            for _ in 0..limit {
                let Some([_, auxiliary, high, low]) = rest.first_chunk::<4>() else { return };
                let Some(group) = address(rest, 4) else { return };
                each(group);
                let sources = usize::from(u16::from_be_bytes([*high, *low])).saturating_mul(16);
                let length = 20usize.saturating_add(sources).saturating_add(usize::from(*auxiliary).saturating_mul(4));
                rest = rest.get(length..).unwrap_or_default();
            }
        }
        _ => {}
    }
}

struct Mac<'a>(&'a [u8]);

impl std::fmt::Display for Mac<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, byte) in self.0.iter().skip(2).take(6).enumerate() {
            let separator = if position > 0 { ":" } else { "" };
            write!(f, "{separator}{byte:02x}")?;
        }
        Ok(())
    }
}
