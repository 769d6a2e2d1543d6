//! The `lanternfish` program.

mod live;
mod read;

use std::sync::Arc;

use lanternfish_dissectors::PROTOCOLS;
use lanternfish_dissectors::pending::PENDING;
use lanternfish_filter::Filter;
use lanternfish_model::{FieldTable, Timestamp};
use lanternfish_output::{EntryWriter, Format, Options};

fn main() -> anyhow::Result<()> {
    let mut specs: Vec<_> = PROTOCOLS.iter().map(|p| p.spec()).collect();
    specs.extend(PENDING.iter().copied());
    let table = Arc::new(FieldTable::join(&specs)?);
    let leaked: &'static FieldTable = Box::leak(Box::new(FieldTable::join(&specs)?));
    let mut args = std::env::args().skip(2);
    let (mut path, mut format, mut options, mut threads, mut filter) = (String::new(), Format::Jsonl, Options::default(), 1, None);
    let mut stats = false;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-o" => format = Format::find(&args.next().unwrap_or_default()).unwrap_or(Format::Jsonl),
            "--fields" => options = Options::with_fields(leaked, &args.next().unwrap_or_default())?,
            "--threads" => threads = args.next().unwrap_or_default().parse()?,
            "-f" => filter = Some(Filter::compile(&args.next().unwrap_or_default(), leaked, Timestamp::from_ns(0))?),
            "--stats" => stats = true,
            other => path = other.to_owned(),
        }
    }
    let writer = EntryWriter::new(format, leaked, options);
    let mut settings = read::settings(table, filter, &writer);
    if std::env::args().nth(1).as_deref() == Some("live") {
        use std::io::Write;
        let source = live::open(lanternfish_capture::LiveConfig::default(), &mut settings)?;
        static STOP: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        for s in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] { signal_hook::flag::register(s, Arc::clone(&stop))?; }
        let mut out = |bytes: &[u8]| std::io::stdout().write_all(bytes).is_ok();
        let ledger = live::run(Arc::new(settings), source, &writer, &mut out, &stop)?;
        let _ = &STOP;
        eprint!("{}", ledger.stats());
        return Ok(());
    }
    let settings = Arc::new(settings);
    let report = read::run(settings, &writer, &path, threads)?;
    if stats {
        eprint!("{}", report.ledger.stats());
    }
    Ok(())
}
