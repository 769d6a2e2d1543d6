//! The nearest known name, for messages about an unknown one.

/// The candidate that `name` was most likely meant to be, if any comes near.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.get(..MAX_NAME_BYTES).unwrap_or(name).to_ascii_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let lower = candidate.to_ascii_lowercase();
        let mut distance = distance(&name, &lower);
        let is_part = name.len() >= MIN_PART_BYTES && lower.split(['.', '_', '-']).any(|part| part == name);
        if is_part {
            distance = distance.min(limit);
        }
        let is_better = best.is_none_or(|known| (distance, candidate) < known);
        if distance <= limit && is_better {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many characters must be added, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, left) in a.chars().enumerate() {
        let mut line = vec![row + 1];
        for (column, &right) in b.iter().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&above, column) + usize::from(left != right);
            let mut cost = replaced.min(at(&above, column + 1) + 1).min(at(&line, column) + 1);
            let is_swapped = column > 0 && previous == Some(right) && b.get(column - 1) == Some(&left);
            if is_swapped {
                cost = cost.min(at(&before, column - 1) + 1);
            }
            line.push(cost);
        }
        previous = Some(left);
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

/// Longer names are cut before they are compared.
const MAX_NAME_BYTES: usize = 64;
/// A shorter name is no hint of a part.
const MIN_PART_BYTES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["method", "path", "status_code", "src.ip", "dst.ip", "elapsed_time"];
        for (name, found) in [
            ("metod", Some("method")),
            ("mehtod", Some("method")),
            ("Path", Some("path")),
            ("status", Some("status_code")),
            ("statuscode", Some("status_code")),
            ("src.pi", Some("src.ip")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, names), found, "{name}");
        }
    }
}
