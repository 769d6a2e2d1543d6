//! The joined field table, and aligned text for lists.

use std::sync::OnceLock;

use lanternfish_dissectors::PROTOCOLS;
use lanternfish_dissectors::pending::PENDING;
use lanternfish_model::{FieldTable, ProtocolSpec};

use crate::exit::Failure;

/// The facts of all protocols, by index; those that are not dissected yet stand behind the others.
pub(crate) fn protocols() -> Vec<&'static ProtocolSpec> {
    PROTOCOLS.iter().map(|protocol| protocol.spec()).chain(PENDING.iter().copied()).collect()
}

/// The joined fields of all protocols; an error is one of the program.
pub(crate) fn field_table() -> Result<&'static FieldTable, Failure> {
    static TABLE: OnceLock<FieldTable> = OnceLock::new();
    if let Some(table) = TABLE.get() {
        return Ok(table);
    }
    let table = FieldTable::join(&protocols()).map_err(anyhow::Error::from)?;
    Ok(TABLE.get_or_init(|| table))
}

/// Lines whose cells stand under each other; the last cell takes what is left.
pub(crate) fn aligned(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|name| name.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    for row in std::iter::once(&header).filter(|row| row.iter().any(|name| !name.is_empty())).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
