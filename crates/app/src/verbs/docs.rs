//! `lanternfish docs`: writes the generated pages of the documentation.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::exit::Failure;
use crate::pages;
use crate::tables::field_table;

/// Writes `protocols/*.md`, and the generated part of `cli.md` where there is such a file.
pub(super) fn run(directory: &Path) -> Result<(), Failure> {
    let protocols = directory.join("protocols");
    fs::create_dir_all(&protocols).with_context(|| format!("cannot make {}", protocols.display()))?;
    for (name, text) in pages::protocols(field_table()?) {
        write(&protocols.join(name), &text)?;
    }
    let guide = directory.join("cli.md");
    if let Ok(text) = fs::read_to_string(&guide) {
        let renewed = pages::renew_guide(&text).ok_or_else(|| Failure::usage("cli.md has lost its marks"))?;
        write(&guide, &renewed)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    Ok(fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?)
}
