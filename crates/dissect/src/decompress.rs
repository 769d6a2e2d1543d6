//! Undoes the compressions that protocols share: gzip (RFC 1952), zlib and raw deflate (RFC 1950, 1951), Brotli
//! (RFC 7932) and Zstandard (RFC 8878).
//!
//! Output never passes the cap that the caller names, so that a small input cannot become a large buffer. What could be
//! decoded of a damaged or truncated input is kept, and [`Decoded`] says how it ended. Dictionaries are not supported.

use std::io::Read;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// A compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip, also several members in a row.
    Gzip,
    /// `deflate` of HTTP: zlib, or raw deflate as some senders have it.
    Deflate,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The compression of a content coding (RFC 9110 section 8.4.1), compared without regard to case.
    pub fn from_coding(name: &[u8]) -> Option<Compression> {
        const NAMES: [(&[u8], Compression); 6] = [
            (b"gzip", Compression::Gzip),
            (b"x-gzip", Compression::Gzip),
            (b"deflate", Compression::Deflate),
            (b"br", Compression::Brotli),
            (b"zstd", Compression::Zstd),
            (b"x-zstd", Compression::Zstd),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, compression)| compression)
    }

    /// The name of its content coding.
    pub const fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Deflate => "deflate",
            Compression::Brotli => "br",
            Compression::Zstd => "zstd",
        }
    }
}

/// How decoding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// All of it was decoded.
    Whole,
    /// All of it was decoded, but its checksum or length field does not fit.
    ChecksumWrong,
    /// The input ends early; what it held was decoded.
    Truncated,
    /// The output reached the cap.
    Capped,
    /// The input is damaged; what stands before the damage was decoded.
    Damaged,
    /// The input is not of this compression; nothing was decoded.
    NotCompressed,
}

/// Decodes `input` to the end of `output`, adding at most `cap` bytes.
pub fn decompress(compression: Compression, input: &[u8], cap: usize, output: &mut Vec<u8>) -> Decoded {
    match compression {
        Compression::Gzip => gzip(input, cap, output),
        Compression::Deflate => deflate(input, cap, output),
        Compression::Brotli => brotli(input, cap, output),
        Compression::Zstd => zstd(input, cap, output),
    }
}

fn gzip(mut input: &[u8], cap: usize, output: &mut Vec<u8>) -> Decoded {
    let start = output.len();
    let mut ending = Decoded::Whole;
    for member in 0..MAX_MEMBERS {
        let body = match gzip_header(input) {
            GzipHeader::Body(body) => body,
            GzipHeader::Truncated => return Decoded::Truncated,
            // RFC 1952 section 2.2: members follow each other; anything else behind the first is padding.
            GzipHeader::None if member > 0 => return ending,
            GzipHeader::None => return Decoded::NotCompressed,
        };
        let member_start = output.len();
        let left = cap.saturating_sub(member_start - start);
        let (decoded, used) = inflate(Decompress::new(false), body, left, output);
        if decoded != Decoded::Whole {
            return decoded;
        }
        let trailer = body.get(used..).unwrap_or_default();
        let Some((trailer, rest)) = trailer.split_first_chunk::<8>() else {
            return Decoded::Truncated;
        };
        let mut crc = Crc::new();
        crc.update(output.get(member_start..).unwrap_or_default());
        let wanted = u64::from(crc.amount()) << 32 | u64::from(crc.sum());
        if u64::from_le_bytes(*trailer) != wanted {
            ending = Decoded::ChecksumWrong;
        }
        input = rest;
        if input.is_empty() {
            return ending;
        }
    }
    Decoded::Capped
}

enum GzipHeader<'a> {
    Body(&'a [u8]),
    Truncated,
    None,
}

/// Skips the header of a gzip member, RFC 1952 section 2.3.
fn gzip_header(input: &[u8]) -> GzipHeader<'_> {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    let head = input.get(..3).unwrap_or(input);
    if !MAGIC.starts_with(head) || head.is_empty() {
        return GzipHeader::None;
    }
    let Some((fixed, mut rest)) = input.split_first_chunk::<10>() else {
        return GzipHeader::Truncated;
    };
    let flags = fixed[3];
    if flags & FLAG_EXTRA != 0 {
        let skipped = rest
            .split_first_chunk::<2>()
            .and_then(|(length, behind)| behind.get(usize::from(u16::from_le_bytes(*length))..));
        let Some(behind) = skipped else {
            return GzipHeader::Truncated;
        };
        rest = behind;
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag == 0 {
            continue;
        }
        let Some(end) = rest.iter().position(|&byte| byte == 0) else {
            return GzipHeader::Truncated;
        };
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    if flags & FLAG_HEADER_CRC != 0 {
        let Some(behind) = rest.get(2..) else {
            return GzipHeader::Truncated;
        };
        rest = behind;
    }
    GzipHeader::Body(rest)
}

fn deflate(input: &[u8], cap: usize, output: &mut Vec<u8>) -> Decoded {
    let Some((&first, rest)) = input.split_first() else {
        return Decoded::Truncated;
    };
    // RFC 1950 section 2.2: method 8, a window of at most 32 KiB, and both bytes a multiple of 31.
    let is_zlib =
        first & 0x8f == 8 && rest.first().is_none_or(|&second| u16::from_be_bytes([first, second]).is_multiple_of(31));
    let start = output.len();
    if is_zlib {
        let (decoded, _) = inflate(Decompress::new(true), input, cap, output);
        if decoded == Decoded::Damaged
            && output.len() > start
            && is_adler_wrong(input, output.get(start..).unwrap_or_default())
        {
            return Decoded::ChecksumWrong;
        }
        if decoded != Decoded::NotCompressed {
            return decoded;
        }
        output.truncate(start);
    }
    inflate(Decompress::new(false), input, cap, output).0
}

/// Whether all is decoded and only the checksum (RFC 1950 section 2.2) at the end is wrong.
fn is_adler_wrong(input: &[u8], decoded: &[u8]) -> bool {
    let mut again = Vec::new();
    let raw = input.get(2..).unwrap_or_default();
    let (ending, used) = inflate(Decompress::new(false), raw, decoded.len().saturating_add(1), &mut again);
    ending == Decoded::Whole && raw.len().saturating_sub(used) >= 4
}

/// Inflates until the stream ends; tells how it ended and how much of the input it took.
fn inflate(mut state: Decompress, input: &[u8], cap: usize, output: &mut Vec<u8>) -> (Decoded, usize) {
    let start = output.len();
    let limit = start.saturating_add(cap);
    loop {
        let used = state.total_in() as usize;
        let produced = output.len() - start;
        // One byte more than the cap allows tells a stream that just fits from one that does not.
        let room = (limit + 1).saturating_sub(output.len()).min(READ_BYTES.max(produced));
        if room == 0 {
            output.truncate(limit);
            return (Decoded::Capped, used);
        }
        output.reserve_exact(room);
        let result = state.decompress_vec(input.get(used..).unwrap_or_default(), output, FlushDecompress::None);
        let has_advanced = state.total_in() as usize > used || output.len() - start > produced;
        let is_over = output.len() > limit;
        let decoded = match result {
            _ if is_over => Decoded::Capped,
            Ok(Status::StreamEnd) => Decoded::Whole,
            Ok(_) if has_advanced => continue,
            Ok(_) => Decoded::Truncated,
            Err(_) if output.len() == start => Decoded::NotCompressed,
            Err(_) => Decoded::Damaged,
        };
        output.truncate(limit);
        return (decoded, state.total_in() as usize);
    }
}

fn brotli(input: &[u8], cap: usize, output: &mut Vec<u8>) -> Decoded {
    let mut state = BrotliState::new(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
    let start = output.len();
    let limit = start.saturating_add(cap);
    let (mut left, mut at) = (input.len(), 0);
    loop {
        let filled = output.len();
        let mut room = (limit + 1).saturating_sub(filled).min(READ_BYTES.max(filled - start));
        output.resize(filled + room, 0);
        let (mut written, mut total) = (filled, 0);
        let result =
            BrotliDecompressStream(&mut left, &mut at, input, &mut room, &mut written, output, &mut total, &mut state);
        output.truncate(written);
        let decoded = match result {
            _ if output.len() > limit => Decoded::Capped,
            BrotliResult::ResultSuccess => Decoded::Whole,
            BrotliResult::NeedsMoreOutput if written > filled => continue,
            BrotliResult::NeedsMoreOutput => Decoded::Damaged,
            BrotliResult::NeedsMoreInput => Decoded::Truncated,
            BrotliResult::ResultFailure if written == start => Decoded::NotCompressed,
            BrotliResult::ResultFailure => Decoded::Damaged,
        };
        output.truncate(limit);
        return decoded;
    }
}

fn zstd(input: &[u8], cap: usize, output: &mut Vec<u8>) -> Decoded {
    let head = input.get(..4).unwrap_or(input);
    // RFC 8878 section 3.1: a frame, or a skippable one.
    let is_frame = [0x28, 0xb5, 0x2f, 0xfd].starts_with(head);
    let is_skippable = head.first().is_some_and(|first| first & 0xf0 == 0x50)
        && head.get(1..).is_some_and(|rest| [0x2a, 0x4d, 0x18].starts_with(rest));
    if !is_frame && !is_skippable {
        return Decoded::NotCompressed;
    }
    let Ok(mut reader) = zstd::stream::read::Decoder::with_buffer(input) else {
        return Decoded::Damaged;
    };
    if reader.window_log_max(MAX_ZSTD_WINDOW_LOG).is_err() {
        return Decoded::Damaged;
    }
    drain(reader, input.is_empty(), cap, output)
}

/// Reads until the end, an error or the cap.
fn drain(mut reader: impl Read, is_input_empty: bool, cap: usize, output: &mut Vec<u8>) -> Decoded {
    if is_input_empty {
        return Decoded::Truncated;
    }
    let start = output.len();
    let limit = start.saturating_add(cap);
    loop {
        let filled = output.len();
        let room = (limit + 1).saturating_sub(filled).min(READ_BYTES.max(filled - start));
        output.resize(filled + room, 0);
        let result = reader.read(output.get_mut(filled..).unwrap_or_default());
        output.truncate(filled + result.as_ref().copied().unwrap_or(0).min(room));
        let decoded = match result {
            _ if output.len() > limit => Decoded::Capped,
            Ok(0) => Decoded::Whole,
            Ok(_) => continue,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Decoded::Truncated,
            Err(_) if output.len() == start => Decoded::NotCompressed,
            Err(_) => Decoded::Damaged,
        };
        output.truncate(limit);
        return decoded;
    }
}

/// Bytes that a reader is asked for at first; later as many as are there already.
const READ_BYTES: usize = 4 << 10;
/// Members of a gzip stream that are read.
const MAX_MEMBERS: usize = 1024;
/// RFC 9659: a decoder for HTTP supports a window of 8 MiB; more is refused.
const MAX_ZSTD_WINDOW_LOG: u32 = 23;
const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;

#[cfg(test)]
mod tests;
