//! `lanternfish read`: capture files to standard output.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lanternfish_capture::{BpfProgram, compile, privileges};
use lanternfish_columns::Tables;
use lanternfish_filter::Plan;
use lanternfish_model::FieldId;
use lanternfish_pipeline::files::{self, PacketFilter, Report, Start};
use lanternfish_pipeline::{EntrySink, RawPacket, Revisions, Settings};
use lanternfish_telemetry::Ledger;

use crate::cli::{self, Cli, PacketFormat, ReadArgs};
use crate::exit::Failure;
use crate::input::Input;
use crate::output::{Output, stdout};
use crate::packets::{PacketSink, PacketWriter, Selection};
use crate::parquet_file::WriteError;
use crate::progress::Progress;
use crate::rows::{RowWriter, Waiting};
use crate::terminal::tell;
use crate::verbs::capture::{Prepared, workers};

/// Files over this size are read by a thread for each processor, if nothing else is said.
const LARGE_FILE_BYTES: u64 = 256 << 20;

/// Reads capture files.
pub(super) fn run(cli: &Cli, arguments: &ReadArgs) -> Result<(), Failure> {
    check(arguments)?;
    let prepared = Prepared::new(cli, arguments.filter.as_deref(), &arguments.entries)?;
    let bpf = arguments.bpf.as_deref().map(packet_filter).transpose()?;
    match arguments.output.format() {
        Some(format) => {
            let mut writer = prepared.writer(format);
            let settings = settings(&prepared, arguments, writer.fields())?;
            let mut sink = prepared.sink(&writer)?;
            let mut files = Files::open(arguments, settings, bpf, false)?;
            let mut output = Output::begin(&mut writer)?;
            files.read(&mut sink, &mut |bytes| output.write(bytes))?;
            output.end(&mut writer)?;
            files.conclude(arguments)
        }
        None if arguments.output == PacketFormat::Parquet => parquet(&prepared, arguments, bpf),
        None => {
            let settings = settings(&prepared, arguments, [])?;
            let is_whole = arguments.whole_connection;
            let mut sink = || Box::new(PacketSink::new(is_whole)) as Box<dyn EntrySink>;
            let mut files = Files::open(arguments, settings, bpf, true)?;
            let mut selection = Selection::default();
            files.read(&mut sink, &mut |lines| selection.take(lines))?;
            if selection.is_full() {
                return Err(Failure::usage("too many packets match to write them apart: narrow the filter"));
            }
            files.write_packets(selection)?;
            files.conclude(arguments)
        }
    }
}

/// Reads into the rows of a Parquet file.
fn parquet(prepared: &Prepared, arguments: &ReadArgs, bpf: Option<PacketFilter>) -> Result<(), Failure> {
    if !prepared.filter.redactions().is_empty() {
        return Err(Failure::usage("redact() needs -o json or jsonl, without --fields"));
    }
    let settings = settings(prepared, arguments, prepared.table.iter().map(|(id, _, _)| id))?;
    let mut files = Files::open(arguments, settings, bpf, false)?;
    let waiting = Waiting::new(Arc::new(Tables::new(prepared.table)));
    let plan = prepared.filter.plan(prepared.table);
    let may_match = |protocol| !matches!(plan.for_protocol(prepared.table, protocol), Plan::Const(false));
    let mut writer = RowWriter::begin(stdout()?, &waiting, may_match).map_err(broken)?;
    let mut sink = || Box::new(waiting.sink()) as Box<dyn EntrySink>;
    files.read(&mut sink, &mut |marks| writer.write(marks))?;
    writer.end(files.ledger.loss()).map_err(broken)?;
    files.conclude(arguments)
}

fn broken(error: WriteError) -> Failure {
    match error {
        WriteError::Output(error) => Failure::from(error),
        other => Failure::Work(other.into()),
    }
}

/// Refuses arguments that make no sense together, before anything is opened.
fn check(arguments: &ReadArgs) -> Result<(), Failure> {
    if arguments.keylog.is_some() {
        return Err(Failure::usage("--keylog: not yet: TLS can't be decrypted so far"));
    }
    let is_packets = arguments.output == PacketFormat::Pcapng;
    if arguments.whole_connection && !is_packets {
        let output = cli::value_name(&arguments.output);
        return Err(Failure::usage(format_args!("--whole-connection goes with -o pcapng, not with -o {output}")));
    }
    let is_parquet = arguments.output == PacketFormat::Parquet;
    if arguments.entries.fields.is_some() && (is_packets || is_parquet) {
        let output = cli::value_name(&arguments.output);
        return Err(Failure::usage(format_args!("--fields has no meaning with -o {output}")));
    }
    if is_parquet && io::stdout().is_terminal() {
        return Err(Failure::usage("-o parquet is not for terminals: write it to a file, as in > entries.parquet"));
    }
    if arguments.files.iter().filter(|file| file.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("standard input (-) can be read only once"));
    }
    Ok(())
}

fn settings(
    prepared: &Prepared,
    arguments: &ReadArgs,
    output: impl IntoIterator<Item = FieldId>,
) -> Result<Arc<Settings>, Failure> {
    let mut settings = prepared.settings(prepared.wants(output), &arguments.entries, &arguments.limits)?;
    if settings.revisions == Revisions::All {
        settings.reassembly.report_interval_ns = Some(super::live::REPORT_INTERVAL_NS);
    }
    Ok(Arc::new(settings))
}

/// Compiles an expression of tcpdump's syntax; for each link type anew when its first packet comes.
fn packet_filter(expression: &str) -> Result<PacketFilter, Failure> {
    let compile_for = {
        let expression = expression.to_owned();
        move |link: u16| compile(&expression, link, SNAPLEN)
    };
    let ethernet = compile_for(1).map_err(|error| Failure::usage(format_args!("--bpf: {error}")))?;
    let mut programs: Vec<(u16, Option<BpfProgram>)> = vec![(1, Some(ethernet))];
    Ok(Box::new(move |raw: &RawPacket<'_>| {
        let link = raw.link.0;
        let position = programs.iter().position(|(known, _)| *known == link);
        let position = position.unwrap_or_else(|| {
            // An expression that makes no sense for a link type matches none of its packets, as in tcpdump.
            programs.push((link, compile_for(link).ok()));
            programs.len() - 1
        });
        let program = programs.get(position).and_then(|(_, program)| program.as_ref());
        program.is_some_and(|program| program.matches(raw.bytes, raw.wire_bytes))
    }))
}

const SNAPLEN: u32 = 256 << 10;

/// The files of one call.
struct Files {
    inputs: Vec<Input>,
    settings: Arc<Settings>,
    bpf: Option<PacketFilter>,
    threads: u16,
    standing: privileges::Standing,
    ledger: Ledger,
    packets: u64,
    is_unreadable: bool,
}

impl Files {
    /// Gives up all rights that reading needs not; nothing is opened before.
    fn open(
        arguments: &ReadArgs,
        settings: Arc<Settings>,
        bpf: Option<PacketFilter>,
        is_read_twice: bool,
    ) -> Result<Files, Failure> {
        let standing = privileges::drop_all().map_err(anyhow::Error::from)?;
        let inputs =
            arguments.files.iter().map(|path| Input::new(path, is_read_twice)).collect::<Result<Vec<_>, _>>()?;
        let is_large = inputs.iter().filter_map(Input::size).any(|bytes| bytes > LARGE_FILE_BYTES);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = match arguments.threads {
            Some(threads) => threads.get(),
            None if is_large => processors,
            None => 1,
        };
        let threads = workers(threads);
        let ledger = Ledger::default();
        Ok(Files { inputs, settings, bpf, threads, standing, ledger, packets: 0, is_unreadable: false })
    }

    /// Reads all files; one that can't be read is told, and the others are read nevertheless.
    fn read(
        &mut self,
        sink: &mut dyn FnMut() -> Box<dyn EntrySink>,
        output: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Failure> {
        let sizes: Option<u64> = self.inputs.iter().map(Input::size).sum();
        let progress = Progress::new(sizes);
        let read_bytes = Arc::new(AtomicU64::new(0));
        let mut is_wanted = true;
        for input in &self.inputs {
            if !is_wanted {
                break;
            }
            let run = input.open(&self.standing, &read_bytes).and_then(|opened| {
                let start = Start {
                    threads: self.threads,
                    first_packet: self.packets,
                    sink,
                    packet_filter: self.bpf.as_mut(),
                    output: &mut |bytes| {
                        is_wanted = output(bytes);
                        is_wanted
                    },
                    progress: &mut |_| progress.set(read_bytes.load(Ordering::Relaxed)),
                };
                Ok(files::run(Arc::clone(&self.settings), opened, start)?)
            });
            match run {
                Ok(report) => {
                    self.packets = report.packets;
                    tell_notes(&input.name(), &report);
                    self.ledger.merge(&report.ledger);
                }
                Err(error) => {
                    self.is_unreadable = true;
                    let name = input.name();
                    let text = format!("{error:#}");
                    let about = if text.contains(&name) { String::new() } else { format!("{name}: ") };
                    tell(&format!("lanternfish: {about}{text}"));
                }
            }
        }
        progress.finish();
        Ok(())
    }

    /// Reads all files again and writes the selected packets.
    fn write_packets(&mut self, mut selection: Selection) -> Result<(), Failure> {
        selection.prepare();
        let mut writer = PacketWriter::new(stdout()?)?;
        for (number, input) in self.inputs.iter().enumerate() {
            let opened = input.open_again(&self.standing);
            if let Err(error) = opened.and_then(|opened| writer.copy(number, opened, &mut selection)) {
                let is_told = self.is_unreadable;
                self.is_unreadable = true;
                if !is_told {
                    return Err(error.into());
                }
            }
        }
        Ok(writer.finish()?)
    }

    /// Tells what was seen and lost, and whether a file could not be read.
    fn conclude(self, arguments: &ReadArgs) -> Result<(), Failure> {
        if arguments.entries.stats {
            tell(self.ledger.stats().trim_end());
        } else if !self.ledger.is_lossless() {
            tell(&format!("lanternfish: {}", self.ledger.summary()));
        }
        if self.is_unreadable { Err(Failure::Told) } else { Ok(()) }
    }
}

fn tell_notes(name: &str, report: &Report) {
    for note in &report.notes {
        tell(&format!("lanternfish: {name}: {note}"));
    }
}
