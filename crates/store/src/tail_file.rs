//! The files of the tail: Arrow IPC streams in frames, appended batch by batch.
//!
//! A frame is 16 bytes of head and then a piece of a stream: whole messages, at least one record batch. The head has a
//! checksum, so that what a crash or a lost power left behind is told from what was written: reading ends at the first
//! frame that is torn. A frame may begin a new stream, when its batch has columns that earlier ones had not.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::MetadataVersion;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};

use crate::dir::file_options;
use crate::pack::{self, Shape};

/// Appends batches of one table to a file.
pub(crate) struct TailWriter {
    file: File,
    shape: Shape,
    stream: Option<StreamWriter<Vec<u8>>>,
    frame: Vec<u8>,
    bytes: u64,
}

impl TailWriter {
    /// Makes the file.
    pub(crate) fn create(path: &Path) -> io::Result<TailWriter> {
        let file = file_options().write(true).create_new(true).open(path)?;
        Ok(TailWriter { file, shape: Shape::default(), stream: None, frame: Vec::new(), bytes: 0 })
    }

    /// Appends a batch; when this returns, it outlives the process.
    pub(crate) fn append(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let (packed, is_new) = self.shape.pack(batch).map_err(arrow_failed)?;
        if is_new {
            let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5).map_err(arrow_failed)?;
            let stream = StreamWriter::try_new_with_options(Vec::new(), packed.schema_ref(), options);
            self.stream = Some(stream.map_err(arrow_failed)?);
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        stream.write(&packed).map_err(arrow_failed)?;
        let payload = stream.get_mut();
        self.frame.clear();
        self.frame.extend_from_slice(&MAGIC);
        let length = u32::try_from(payload.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        for word in [u32::from(is_new), length, crc32fast::hash(payload)] {
            self.frame.extend_from_slice(&word.to_le_bytes());
        }
        self.frame.extend_from_slice(payload);
        payload.clear();
        self.write_frame()
    }

    /// Writes the frame whole or not at all.
    fn write_frame(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.write_all(&self.frame) {
            // A piece of a frame would hide what comes behind it.
            let _ = self.file.set_len(self.bytes);
            let _ = io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.bytes));
            // The stream has told its dictionaries and columns to nobody: it begins anew.
            self.stream = None;
            self.shape = Shape::default();
            return Err(error);
        }
        self.bytes += self.frame.len() as u64;
        Ok(())
    }
}

/// What a file of the tail had.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// The batches, as the table has them.
    pub batches: Vec<RecordBatch>,
    /// Bytes of whole frames.
    pub whole_bytes: u64,
    /// Bytes behind them.
    pub torn_bytes: u64,
    /// Why batches of whole frames could not be read.
    pub failure: Option<String>,
}

/// Reads a file of the tail as far as it is whole.
pub(crate) fn read(path: &Path, schema: &SchemaRef) -> io::Result<Recovered> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut streams: Vec<Vec<u8>> = Vec::new();
    while let Some((is_new, payload, behind)) = frame(rest) {
        match streams.last_mut() {
            Some(stream) if !is_new => stream.extend_from_slice(payload),
            _ => streams.push(payload.to_vec()),
        }
        rest = behind;
    }
    let mut recovered = Recovered {
        batches: Vec::new(),
        whole_bytes: (bytes.len() - rest.len()) as u64,
        torn_bytes: rest.len() as u64,
        failure: None,
    };
    for stream in streams {
        if let Err(error) = read_stream(stream, schema, &mut recovered.batches) {
            recovered.failure = Some(error.to_string());
        }
    }
    Ok(recovered)
}

/// Cuts what is torn off a file.
pub(crate) fn cut(path: &Path, whole_bytes: u64) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.set_len(whole_bytes)
}

fn frame(bytes: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let word =
        |at: usize| head.get(at..at + 4).and_then(<[u8]>::first_chunk::<4>).map(|word| u32::from_le_bytes(*word));
    if head.first_chunk::<4>() != Some(&MAGIC) {
        return None;
    }
    let (flags, length, checksum) = (word(4)?, word(8)?, word(12)?);
    let (payload, behind) = rest.split_at_checked(length as usize)?;
    (crc32fast::hash(payload) == checksum).then_some((flags & 1 != 0, payload, behind))
}

fn read_stream(stream: Vec<u8>, schema: &SchemaRef, out: &mut Vec<RecordBatch>) -> Result<(), ArrowError> {
    for batch in StreamReader::try_new(Cursor::new(stream), None)? {
        out.push(pack::unpack(&batch?, schema)?);
    }
    Ok(())
}

fn arrow_failed(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => io::Error::other(other),
    }
}

const MAGIC: [u8; 4] = *b"LFT1";
const HEAD_BYTES: usize = 16;
/// Longer files of the tail are not written by us.
const MAX_FILE_BYTES: u64 = 1 << 30;
