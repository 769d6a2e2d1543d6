//! `lanternfish export`: stored entries or packets as a file.

use std::fs::{File, Permissions};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use futures::StreamExt;
use lanternfish_api::{ByteStream, EngineError, EngineFormat, ExportRequest, PacketScope, PcapRequest};
use lanternfish_output::Format;
use lanternfish_query::{QueryError, Window};
use tempfile::NamedTempFile;

use crate::cli::{self, Cli, ExportArgs, ExportFormat, OrderArgs};
use crate::exit::Failure;
use crate::instance::export::export;
use crate::instance::pcap::pcap;
use crate::output::{Output, stdout};
use crate::verbs::capture::Prepared;
use crate::verbs::query::write_text;
use crate::verbs::stored::{Stored, failure, window};

/// Writes what is stored to a file.
pub(super) fn run(cli: &Cli, arguments: &ExportArgs) -> Result<(), Failure> {
    let format = arguments.output.or_else(|| of_name(arguments.file.as_deref()?)).unwrap_or(ExportFormat::Jsonl);
    let prepared = Prepared::of(cli, arguments.query.as_deref(), arguments.fields.as_deref())?;
    let what = What {
        format,
        window: window(arguments.window)?,
        order: arguments.order,
        is_whole_connection: arguments.whole_connection,
    };
    what.check(&prepared)?;
    let mut stored = Stored::open(&arguments.stored, prepared.table)?;
    // Rights are given up by now: the file is the user's own.
    let target = Target::new(arguments.file.as_deref(), format)?;
    what.write(&mut stored, &prepared, target)
}

/// What to write.
pub(super) struct What {
    /// As what.
    pub(super) format: ExportFormat,
    /// Of which time.
    pub(super) window: Window,
    /// How many, in which order.
    pub(super) order: OrderArgs,
    /// All packets of the connections.
    pub(super) is_whole_connection: bool,
}

impl What {
    /// Refuses what makes no sense together, before anything is opened.
    fn check(&self, prepared: &Prepared) -> Result<(), Failure> {
        let name = cli::value_name(&self.format);
        let is_text = matches!(self.format, ExportFormat::Jsonl | ExportFormat::Csv);
        let is_packets = self.format == ExportFormat::Pcapng;
        if prepared.columns.is_some() && !is_text {
            return Err(Failure::usage(format_args!("--fields has no meaning with -o {name}")));
        }
        if self.is_whole_connection && !is_packets {
            return Err(Failure::usage(format_args!("--whole-connection goes with -o pcapng, not with -o {name}")));
        }
        if self.order.limit.is_some() && is_packets {
            let hint = "`limit(N)` in the filter counts entries";
            return Err(Failure::usage(format_args!("--limit has no meaning with -o pcapng: {hint}")));
        }
        if !prepared.filter.redactions().is_empty() && self.format != ExportFormat::Jsonl {
            return Err(Failure::usage("redact() needs -o jsonl, without --fields"));
        }
        Ok(())
    }

    /// Writes it.
    pub(super) fn write(&self, stored: &mut Stored, prepared: &Prepared, target: Target) -> Result<(), Failure> {
        let engine = match self.format {
            ExportFormat::Jsonl => return self.text(stored, prepared, target, Format::Jsonl),
            ExportFormat::Csv => return self.text(stored, prepared, target, Format::Csv),
            ExportFormat::Pcapng => return self.packets(stored, prepared, target),
            ExportFormat::Parquet => EngineFormat::Parquet,
            ExportFormat::Har => EngineFormat::Har,
        };
        let request = ExportRequest {
            snapshot: None,
            filter: prepared.filter.clone(),
            window: self.window,
            order: self.order.order.order(),
            limit: self.order.limit.map(NonZeroU64::get),
            format: engine,
        };
        write_file(stored, request, target)?;
        stored.conclude(&stored.loss(self.window))
    }

    fn text(&self, stored: &mut Stored, prepared: &Prepared, target: Target, format: Format) -> Result<(), Failure> {
        let mut writer = prepared.writer(format);
        let mut sink = prepared.sink(&writer)?;
        let mut output = Output::begin_in(target.file()?, &mut writer)?;
        let told = write_text(stored, prepared, self.window, self.order, sink().as_mut(), &mut output)?;
        output.end(&mut writer)?;
        target.keep()?;
        if told.entries == 0 {
            stored.tell_nothing(self.window);
        }
        stored.conclude(&told.loss)
    }

    fn packets(&self, stored: &Stored, prepared: &Prepared, target: Target) -> Result<(), Failure> {
        let (filter, window) = (prepared.filter.clone(), self.window);
        let scope = PacketScope::Matching { filter, window, is_whole_connection: self.is_whole_connection };
        let request = PcapRequest { snapshot: None, scope };
        let bytes = stored.wait(pcap(&stored.store, &stored.queried, &request)).map_err(failure)?;
        write_stream(stored, bytes, &target)?;
        target.keep()?;
        stored.conclude(&stored.loss(window))
    }
}

/// Writes entries in a format that is made by a thread of its own.
pub(super) fn write_file(stored: &Stored, request: ExportRequest, target: Target) -> Result<(), Failure> {
    let bytes = stored.wait(export(stored.queried.query(), request)).map_err(failure)?;
    let written = write_stream(stored, bytes, &target);
    // A file that lacks what could not be read is whole otherwise.
    if matches!(written, Ok(()) | Err(Broken::Stream(EngineError::Query(QueryError::Unreadable(_))))) {
        target.keep()?;
    }
    Ok(written?)
}

/// Why a file could not be written.
pub(super) enum Broken {
    /// It could not be made.
    Stream(EngineError),
    /// It could not be written.
    Output(io::Error),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Failure {
        match broken {
            Broken::Stream(error) => failure(error),
            Broken::Output(error) => Failure::from(error),
        }
    }
}

/// Writes a file that is made while it is written.
pub(super) fn write_stream(stored: &Stored, mut bytes: ByteStream, target: &Target) -> Result<(), Broken> {
    let mut file = target.file().map_err(Broken::Output)?;
    while let Some(part) = stored.wait(bytes.next()) {
        file.write_all(&part.map_err(Broken::Stream)?).map_err(Broken::Output)?;
    }
    Ok(())
}

/// Where bytes go: a file appears under its name when it is whole.
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// Something that is there and is no file: a pipe or device.
    Open(File),
    /// A file.
    New(NamedTempFile, PathBuf),
}

impl Target {
    /// The target for a format; none is standard output, which must be no terminal for bytes that are no text.
    pub(super) fn new(path: Option<&Path>, format: ExportFormat) -> Result<Target, Failure> {
        let is_text = matches!(format, ExportFormat::Jsonl | ExportFormat::Csv | ExportFormat::Har);
        // What the ring has was never redacted.
        let mode = if format == ExportFormat::Pcapng { 0o600 } else { 0o666 };
        Target::with(path, is_text, mode, &cli::value_name(&format))
    }

    /// The target for a file with this mode, from which the umask takes.
    pub(super) fn with(path: Option<&Path>, is_text: bool, mode: u32, name: &str) -> Result<Target, Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            if io::stdout().is_terminal() && !is_text {
                return Err(Failure::usage(format_args!(
                    "-o {name} is not for terminals: name a file, or redirect standard output"
                )));
            }
            return Ok(Target::Stdout);
        };
        let cannot = || format!("cannot write {}", path.display());
        if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            return Ok(Target::Open(File::options().write(true).open(path).with_context(cannot)?));
        }
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(dir);
        Ok(Target::New(file.with_context(cannot)?, path.to_owned()))
    }

    /// The file to write to.
    pub(super) fn file(&self) -> io::Result<File> {
        match self {
            Target::Stdout => stdout(),
            Target::Open(file) => file.try_clone(),
            Target::New(file, _) => file.as_file().try_clone(),
        }
    }

    /// Gives the file its name.
    pub(super) fn keep(self) -> Result<(), Failure> {
        if let Target::New(file, path) = self {
            let kept = file.persist(&path).map_err(|error| error.error);
            kept.with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// The format that the name of a file says.
fn of_name(path: &Path) -> Option<ExportFormat> {
    match path.extension()?.to_str()? {
        "jsonl" | "ndjson" => Some(ExportFormat::Jsonl),
        "csv" => Some(ExportFormat::Csv),
        "parquet" => Some(ExportFormat::Parquet),
        "pcapng" => Some(ExportFormat::Pcapng),
        "har" => Some(ExportFormat::Har),
        _ => None,
    }
}
