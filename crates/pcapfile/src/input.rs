//! Where the bytes of a capture come from: decompression by magic number, and the buffer that slides over them.

use std::collections::VecDeque;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;

use crate::ReadError;

/// The size of the buffer; it is larger only while one block needs more.
pub const BUFFER_BYTES: usize = 1 << 20;
/// The longest pcapng block that is read; one that claims more is taken for damage.
pub const MAX_BLOCK_BYTES: usize = 16 << 20;
/// The most compressions around each other that are undone.
pub const MAX_COMPRESSION_LAYERS: usize = 3;
/// The binary logarithm of the most memory that a zstd stream may ask for its window.
pub const MAX_ZSTD_WINDOW_LOG: u32 = 27;

/// A window on the input: what was read and not yet consumed.
pub(crate) struct Window {
    input: Box<dyn Read + Send>,
    is_compressed: bool,
    /// While others hold it too, nothing in it changes.
    buffer: Arc<Vec<u8>>,
    /// Earlier buffers, which are used again once nobody else holds them.
    earlier: VecDeque<Arc<Vec<u8>>>,
    start: usize,
    end: usize,
    offset: u64,
    is_at_end: bool,
    failure: Option<io::Error>,
}

impl Window {
    /// Undoes the compressions around the input.
    pub fn new(input: Box<dyn Read + Send>) -> Result<Self, ReadError> {
        let (input, is_compressed) = decompressed(input)?;
        Ok(Window {
            input,
            is_compressed,
            buffer: Arc::new(vec![0; BUFFER_BYTES]),
            earlier: VecDeque::new(),
            start: 0,
            end: 0,
            offset: 0,
            is_at_end: false,
            failure: None,
        })
    }

    /// The bytes at hand.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The last `total` bytes that were consumed; they stay until [`Window::fill`].
    #[inline]
    pub fn consumed(&self, total: usize) -> &[u8] {
        self.buffer.get(self.start.saturating_sub(total)..self.start).unwrap_or_default()
    }

    /// The buffer, to be held on to, and where in it the last `total` bytes begin that were consumed. None where it
    /// holds so little that a copy is cheaper than another buffer.
    #[inline]
    pub fn memory(&self, total: usize) -> Option<(&Arc<Vec<u8>>, usize)> {
        (self.end >= SHARED_FROM_BYTES).then_some((&self.buffer, self.start.saturating_sub(total)))
    }

    /// Goes on behind `count` bytes.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.end.saturating_sub(self.start));
        self.start = self.start.saturating_add(count);
        self.offset = self.offset.saturating_add(count as u64);
    }

    /// Where the bytes at hand begin, in the decompressed input.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What broke the input off, apart from its end.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Whether a failure of the input is one of its compression.
    pub fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// Reads until `need` bytes are at hand; false where the input ends before.
    #[cold]
    pub fn fill(&mut self, need: usize) -> bool {
        let need = need.min(MAX_FILL_BYTES);
        if Arc::get_mut(&mut self.buffer).is_none() {
            self.leave_buffer(need);
        }
        // Nobody else holds it now, so that nothing is copied here.
        let buffer = Arc::make_mut(&mut self.buffer);
        let held = self.end.saturating_sub(self.start);
        if held < COMPACT_BELOW_BYTES || self.start.saturating_add(need) > buffer.len() {
            buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, held);
            if buffer.len() > BUFFER_BYTES && need.saturating_mul(2) <= BUFFER_BYTES && held <= BUFFER_BYTES / 2 {
                buffer.truncate(BUFFER_BYTES);
                buffer.shrink_to_fit();
            }
        }
        while self.end.saturating_sub(self.start) < need && !self.is_at_end {
            if self.end == buffer.len() {
                // Twice the size each time: a length that lies costs no more than what the input really has.
                buffer.resize(buffer.len().saturating_mul(2).min(MAX_FILL_BYTES * 2), 0);
            }
            // A decoder that fails takes with it what it made in the same call.
            let limit = if self.is_compressed { MAX_DECODED_AT_ONCE_BYTES } else { usize::MAX };
            let free_end = self.end.saturating_add(limit).min(buffer.len());
            let Some(free) = buffer.get_mut(self.end..free_end) else { break };
            match self.input.read(free) {
                Ok(0) => self.is_at_end = true,
                Ok(count) => self.end = self.end.saturating_add(count).min(buffer.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    self.is_at_end = true;
                }
            }
        }
        self.end.saturating_sub(self.start) >= need
    }

    /// Goes on in another buffer, with what was not consumed; others still read in this one.
    fn leave_buffer(&mut self, need: usize) {
        let is_free = |buffer: &mut Arc<Vec<u8>>| Arc::get_mut(buffer).is_some();
        let mut next = match self.earlier.pop_front_if(is_free) {
            Some(buffer) => buffer,
            None => Arc::new(vec![0; BUFFER_BYTES]),
        };
        let bytes = Arc::make_mut(&mut next);
        let held = self.end.saturating_sub(self.start);
        let wanted = held.max(need).max(BUFFER_BYTES);
        bytes.resize(wanted, 0);
        bytes.shrink_to(wanted);
        if let (Some(to), Some(from)) = (bytes.get_mut(..held), self.buffer.get(self.start..self.end)) {
            to.copy_from_slice(from);
        }
        (self.start, self.end) = (0, held);
        let left = std::mem::replace(&mut self.buffer, next);
        if self.earlier.len() < MAX_EARLIER_BUFFERS {
            self.earlier.push_back(left);
        }
    }
}

/// Undoes gzip and zstd, also within each other.
fn decompressed(mut input: Box<dyn Read + Send>) -> Result<(Box<dyn Read + Send>, bool), ReadError> {
    let mut is_compressed = false;
    for _ in 0..MAX_COMPRESSION_LAYERS {
        let head = head_of(&mut input)?;
        let whole = BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, Cursor::new(head.clone()).chain(input));
        match *head {
            [0x1f, 0x8b, ..] => input = Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
            [0x28, 0xb5, 0x2f, 0xfd] => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(whole)?;
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
                input = Box::new(decoder);
            }
            _ => {
                let (cursor, rest) = whole.into_inner().into_inner();
                return Ok((Box::new(cursor.chain(rest)), is_compressed));
            }
        }
        is_compressed = true;
    }
    Ok((input, is_compressed))
}

/// The first four bytes, fewer where there are no more.
fn head_of(input: &mut Box<dyn Read + Send>) -> Result<Vec<u8>, ReadError> {
    let mut head = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut head)?;
    Ok(head)
}

/// What is left of the last record is moved to the front of the buffer when it is shorter than this.
const COMPACT_BELOW_BYTES: usize = 64 << 10;
/// A buffer that holds less is not shared: the rest of it would be held in vain, many times over where the input comes in
/// small parts.
const SHARED_FROM_BYTES: usize = BUFFER_BYTES / 2;
/// So many buffers that others read in are remembered, to be used again.
const MAX_EARLIER_BUFFERS: usize = 12;
const COMPRESSED_BUFFER_BYTES: usize = 64 << 10;
/// The most that is decompressed at once, which is what damage of the compression can cost of what stands before it.
const MAX_DECODED_AT_ONCE_BYTES: usize = 16 << 10;
/// A block and the head of the next one.
const MAX_FILL_BYTES: usize = MAX_BLOCK_BYTES + 4096;
