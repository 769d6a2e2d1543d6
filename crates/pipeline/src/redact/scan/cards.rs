//! Numbers of payment cards (ISO/IEC 7812): an issuer's prefix, a length that the issuer uses, and the Luhn digit.

use super::value::{Found, Quoting};

/// Adds the card numbers of a text.
pub(super) fn find(text: &[u8], found: &mut Vec<Found>) {
    find_from(text, next, found);
}

fn find_from(text: &[u8], next: fn(&[u8], usize) -> Option<usize>, found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(start) = next(text, at) {
        let (digits, count, end) = run(text, start);
        at = end;
        let digits = digits.get(..count).unwrap_or_default();
        let is_apart = |byte: Option<&u8>| {
            byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'-' | b'_' | b'/'))
        };
        let is_alone = is_apart(start.checked_sub(1).and_then(|before| text.get(before))) && is_apart(text.get(end));
        let is_sentence_end = text.get(end) == Some(&b'.') && !text.get(end + 1).is_some_and(u8::is_ascii_digit);
        let is_before = is_apart(start.checked_sub(1).and_then(|before| text.get(before)));
        if (is_alone || is_before && is_sentence_end) && is_issued(digits) && is_luhn(digits) {
            found.push(Found { start, end, quoting: quoting(text, start) });
        }
    }
}

/// The next digit from a position on that may begin a card. Most text is passed over in strides of the shortest card: what
/// is no part of one at the end of a stride cannot have one begin before it.
fn next(text: &[u8], mut at: usize) -> Option<usize> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-');
    loop {
        let stride = text.get(at..at + MIN_DIGITS)?;
        let parts = stride.iter().rev().take_while(|byte| is_part(byte)).count();
        at += MIN_DIGITS - parts;
        if parts == 0 {
            continue;
        }
        let skipped = text.get(at..)?.iter().take_while(|byte| is_part(byte) && !byte.is_ascii_digit()).count();
        at += skipped;
        if text.get(at).is_some_and(u8::is_ascii_digit) {
            return Some(at);
        }
    }
}

/// The digits from a position on, with single spaces or hyphens between them; more than a card has end the run too.
fn run(text: &[u8], start: usize) -> ([u8; MAX_DIGITS + 1], usize, usize) {
    let mut digits = [0; MAX_DIGITS + 1];
    let (mut count, mut end, mut at) = (0, start, start);
    while let Some(&byte) = text.get(at) {
        if byte.is_ascii_digit() {
            if let Some(slot) = digits.get_mut(count) {
                *slot = byte - b'0';
                count += 1;
            }
            end = at + 1;
        } else if !(matches!(byte, b' ' | b'-') && text.get(at + 1).is_some_and(u8::is_ascii_digit)) {
            break;
        }
        at += 1;
    }
    (digits, count, end)
}

/// Whether an issuer uses numbers that begin so, with this many digits.
fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| digits.iter().take(count).fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    match digits.len() {
        16 => {
            first(1) == 4
                || (51..=55).contains(&first(2))
                || (2221..=2720).contains(&first(4))
                || first(4) == 6011
                || first(2) == 65
                || (644..=649).contains(&first(3))
                || (3528..=3589).contains(&first(4))
                || first(2) == 62
        }
        15 => matches!(first(2), 34 | 37),
        14 => matches!(first(2), 36 | 38) || (300..=305).contains(&first(3)),
        13 | 19 => first(1) == 4,
        _ => false,
    }
}

fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, digit)| match (position % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A number of a JSON document becomes a text.
fn quoting(text: &[u8], start: usize) -> Quoting {
    let before = text.get(..start).unwrap_or_default().iter().rev().find(|byte| !byte.is_ascii_whitespace());
    let is_member = matches!(before, Some(b':')) && text.first().is_some_and(|first| matches!(first, b'{' | b'['));
    if is_member { Quoting::Quoted } else { Quoting::AsIs }
}

/// The fewest digits of a card.
const MIN_DIGITS: usize = 13;
/// The most digits of a card.
const MAX_DIGITS: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;

    /// The next digit, whatever follows it.
    fn each_digit(text: &[u8], at: usize) -> Option<usize> {
        Some(at + text.get(at..)?.iter().position(u8::is_ascii_digit)?)
    }

    proptest::proptest! {
        #[test]
        fn strides_pass_over_no_card(parts in proptest::collection::vec("4111[ -]?1111[ -]{0,2}1111 ?1111|[0-9 -]{1,15}|[a.: -]{1,4}", 0..8)) {
            let text = parts.concat();
            let (mut strides, mut digits) = (Vec::new(), Vec::new());
            find(text.as_bytes(), &mut strides);
            find_from(text.as_bytes(), each_digit, &mut digits);
            proptest::prop_assert_eq!(strides, digits);
        }
    }
}
