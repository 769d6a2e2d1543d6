//! The ledger in words: the text of `--stats`, and the one line that ends every run.

use std::fmt::{self, Write};

use lanternfish_model::{Cause, Loss};

use crate::{Fate, Ledger};

impl Ledger {
    /// The whole ledger as aligned text; only what is not zero.
    pub fn stats(&self) -> String {
        let mut rows = Vec::new();
        rows.push(Row::title("packets", self.packets(), bytes(self.bytes())));
        for &fate in Fate::ALL {
            rows.push(Row::part(fate.name(), self.fate(fate), String::new()));
        }
        for (cause, count) in self.loss().iter().filter(|(cause, _)| cause.is_packet_fate()) {
            rows.push(Row::part(cause.name(), count, self.details(cause)));
        }
        if !self.is_balanced() {
            let difference = self.packets().abs_diff(self.accounted());
            let what = if self.accounted() > self.packets() { "counted twice" } else { "not accounted for" };
            rows.push(Row::part(
                what,
                difference,
                "the books do not balance: this is an error of the program".to_owned(),
            ));
        }
        rows.push(Row::title("connections", self.connections(), String::new()));
        rows.push(Row::title("entries", self.entries(), self.shown_words()));
        for (name, count) in self.protocols() {
            let mut errors = Vec::new();
            for (number, word) in [(count.errors, "error"), (count.client_errors, "client error")] {
                if number > 0 {
                    errors.push(counted(number, word));
                }
            }
            rows.push(Row::part(name, count.entries, errors.join(", ")));
        }
        rows.push(Row::title("notes", self.notes(), String::new()));
        let losses: Vec<(Cause, u64)> = self.loss().iter().collect();
        if !losses.is_empty() {
            rows.push(Row { indent: 0, name: "lost".to_owned(), number: None, details: String::new() });
        }
        for (cause, count) in losses {
            let name = format!("{}: {}", cause.stage().name(), cause.name());
            rows.push(Row::part(&name, count, format!("{}  {}", cause.unit(), cause.doc())));
        }
        let mut text = aligned(&rows);
        if self.is_lossless() {
            text.push_str("nothing was lost\n");
        }
        text
    }

    /// One line: packets, entries, notes and losses.
    pub fn summary(&self) -> Summary<'_> {
        Summary(self)
    }

    fn details(&self, cause: Cause) -> String {
        let ranked = self.unknown().ranked();
        let of_cause = ranked.iter().filter(|(unknown, _)| unknown.cause == cause);
        let mut parts: Vec<String> =
            of_cause.map(|(unknown, count)| format!("{} {}", unknown.what, thousands(*count))).collect();
        if parts.len() > MAX_NAMED {
            parts.truncate(MAX_NAMED);
            parts.push("…".to_owned());
        }
        parts.join(", ")
    }

    fn shown_words(&self) -> String {
        if self.shown() == self.entries() { String::new() } else { format!("{} shown", thousands(self.shown())) }
    }
}

/// A ledger in one line.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(&'a Ledger);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = self.0;
        write!(f, "{}, {}", counted(ledger.packets(), "packet"), counted(ledger.entries(), "entry"))?;
        if ledger.shown() != ledger.entries() {
            write!(f, " ({} shown)", thousands(ledger.shown()))?;
        }
        write!(f, ", {}", counted(ledger.notes(), "note"))?;
        if ledger.is_lossless() {
            return f.write_str(", nothing was lost");
        }
        write!(f, "; lost: {}", losses(ledger.loss()))
    }
}

/// What was lost, in one line; empty where nothing was.
pub fn losses(loss: &Loss) -> String {
    let words = loss.iter().map(|(cause, count)| format!("{} {} ({})", thousands(count), cause.unit(), cause.name()));
    words.collect::<Vec<_>>().join(", ")
}

struct Row {
    indent: usize,
    name: String,
    number: Option<u64>,
    details: String,
}

impl Row {
    fn title(name: &str, number: u64, details: String) -> Row {
        Row { indent: 0, name: name.to_owned(), number: Some(number), details }
    }

    fn part(name: &str, number: u64, details: String) -> Row {
        Row { indent: 2, name: name.to_owned(), number: Some(number), details }
    }
}

/// Rows with their numbers in one column; those with the number 0 are left out.
fn aligned(rows: &[Row]) -> String {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.number != Some(0)).collect();
    let name_width = rows.iter().map(|row| row.indent + row.name.chars().count()).max().unwrap_or(0);
    let number = |row: &Row| row.number.map(thousands).unwrap_or_default();
    let number_width = rows.iter().map(|row| number(row).len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let mut line = format!("{:indent$}{}", "", row.name, indent = row.indent);
        let padding = name_width.saturating_sub(row.indent + row.name.chars().count());
        let _ = write!(line, "{:padding$}  {:>number_width$}  {}", "", number(row), row.details);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A number with commas between the thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn counted(number: u64, word: &str) -> String {
    match (number, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) => format!("{} {stem}ies", thousands(number)),
        _ => format!("{} {word}s", thousands(number)),
    }
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut number = count as f64;
    let mut unit = 0;
    while number >= 1000.0 && unit + 1 < UNITS.len() {
        number /= 1000.0;
        unit += 1;
    }
    match UNITS.get(unit) {
        _ if count == 0 => String::new(),
        Some(name) if unit == 0 => format!("{count} {name}"),
        Some(name) => format!("{number:.1} {name}"),
        None => String::new(),
    }
}

/// How many unknown kinds are named in one line.
const MAX_NAMED: usize = 8;
