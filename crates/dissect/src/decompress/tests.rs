//! Each compression whole, cut at every byte, over the cap, damaged and not compressed at all.

use std::io::Write;

use proptest::prelude::*;

use super::*;

const TEXT: &[u8] = b"the quick brown fox jumps over the lazy dog, the quick brown fox jumps over the lazy dog again";

/// Compresses with deflate: zlib-wrapped or raw.
fn deflated(data: &[u8], is_zlib: bool) -> Vec<u8> {
    let mut state = flate2::Compress::new(flate2::Compression::new(6), is_zlib);
    let mut output = Vec::with_capacity(data.len() + 1024);
    assert_eq!(state.compress_vec(data, &mut output, flate2::FlushCompress::Finish).unwrap(), Status::StreamEnd);
    output
}

fn gzipped(data: &[u8], flags: u8, extra: &[u8]) -> Vec<u8> {
    let mut output = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3];
    output.extend_from_slice(extra);
    output.extend(deflated(data, false));
    let mut crc = Crc::new();
    crc.update(data);
    output.extend(crc.sum().to_le_bytes());
    output.extend(crc.amount().to_le_bytes());
    output
}

/// "aaaa..." as Brotli: the smallest stream is a fixture of RFC 7932 appendix A style, made by hand as an uncompressed
/// meta-block: WBITS 16, not last, length, uncompressed, then an empty last block.
fn brotli(data: &[u8]) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![false];
    let push = |bits: &mut Vec<bool>, value: usize, count: usize| {
        bits.extend((0..count).map(|bit| value >> bit & 1 == 1));
    };
    push(&mut bits, 0, 1);
    push(&mut bits, 0, 2);
    push(&mut bits, data.len() - 1, 16);
    push(&mut bits, 1, 1);
    let mut output: Vec<u8> =
        bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(at, &bit)| u8::from(bit) << at).sum()).collect();
    output.extend_from_slice(data);
    output.push(3);
    output
}

fn zstandard(data: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn samples(data: &[u8]) -> Vec<(Compression, Vec<u8>)> {
    vec![
        (Compression::Gzip, gzipped(data, 0, b"")),
        (Compression::Gzip, gzipped(data, 4 | 8 | 16 | 2, b"\x03\0abcname\0comment\0\0\0")),
        (Compression::Deflate, deflated(data, true)),
        (Compression::Deflate, deflated(data, false)),
        (Compression::Brotli, brotli(data)),
        (Compression::Zstd, zstandard(data)),
    ]
}

fn run(compression: Compression, input: &[u8], cap: usize) -> (Decoded, Vec<u8>) {
    let mut output = b"kept".to_vec();
    let decoded = decompress(compression, input, cap, &mut output);
    assert_eq!(&output[..4], b"kept");
    (decoded, output.split_off(4))
}

#[test]
fn whole() {
    for (compression, input) in samples(TEXT) {
        assert_eq!(run(compression, &input, 1000), (Decoded::Whole, TEXT.to_vec()), "{compression:?}");
        assert_eq!(run(compression, &input, TEXT.len()), (Decoded::Whole, TEXT.to_vec()), "{compression:?}");
        assert_eq!(run(compression, &input, TEXT.len() - 1), (Decoded::Capped, TEXT[..TEXT.len() - 1].to_vec()));
        assert_eq!(run(compression, &input, 0), (Decoded::Capped, Vec::new()));
    }
}

#[test]
fn cut_at_every_byte() {
    for (compression, input) in samples(TEXT) {
        for cut in 0..input.len() {
            let (decoded, output) = run(compression, &input[..cut], 1000);
            assert!(TEXT.starts_with(&output), "{compression:?} cut at {cut}");
            if cut > 3 {
                assert_eq!(decoded, Decoded::Truncated, "{compression:?} cut at {cut}");
            }
        }
    }
}

#[test]
fn a_bomb_stops_at_the_cap() {
    let bomb = vec![0; 16 << 20];
    for (compression, input) in [
        (Compression::Gzip, gzipped(&bomb, 0, b"")),
        (Compression::Deflate, deflated(&bomb, true)),
        (Compression::Zstd, zstandard(&bomb)),
    ] {
        let mut output = Vec::new();
        assert_eq!(decompress(compression, &input, 64 << 10, &mut output), Decoded::Capped);
        assert_eq!(output.len(), 64 << 10);
        assert!(output.capacity() < 256 << 10);
    }
}

#[test]
fn members_follow_each_other() {
    let mut input = gzipped(b"one ", 0, b"");
    input.extend(gzipped(b"two", 0, b""));
    assert_eq!(run(Compression::Gzip, &input, 100), (Decoded::Whole, b"one two".to_vec()));
    assert_eq!(run(Compression::Gzip, &input, 5), (Decoded::Capped, b"one t".to_vec()));
    input.extend(b"padding");
    assert_eq!(run(Compression::Gzip, &input, 100), (Decoded::Whole, b"one two".to_vec()));
}

#[test]
fn damage_and_wrong_checksums_are_told() {
    for (compression, wrong) in
        [(Compression::Gzip, gzipped(TEXT, 0, b"")), (Compression::Deflate, deflated(TEXT, true))]
    {
        let mut wrong = wrong;
        *wrong.last_mut().unwrap() ^= 0xff;
        assert_eq!(run(compression, &wrong, 1000), (Decoded::ChecksumWrong, TEXT.to_vec()), "{compression:?}");
    }
    for compression in [Compression::Gzip, Compression::Zstd] {
        assert_eq!(run(compression, b"plain text", 1000), (Decoded::NotCompressed, Vec::new()));
    }
    assert_eq!(run(Compression::Deflate, b"\xff\xffplain", 1000).0, Decoded::NotCompressed);
}

#[test]
fn codings_have_names() {
    assert_eq!(Compression::from_coding(b"X-GZip"), Some(Compression::Gzip));
    assert_eq!(Compression::from_coding(b"compress"), None);
    for compression in [Compression::Gzip, Compression::Deflate, Compression::Brotli, Compression::Zstd] {
        assert_eq!(Compression::from_coding(compression.name().as_bytes()), Some(compression));
    }
}

proptest! {
    #[test]
    fn any_bytes_stay_below_the_cap(input: Vec<u8>, cap in 0usize..500, which in 0usize..6) {
        let (compression, mut sample) = samples(TEXT).swap_remove(which);
        for (at, byte) in input.iter().enumerate().filter(|(at, _)| at % 7 == 0) {
            if let Some(slot) = sample.get_mut(at) { *slot ^= byte; }
        }
        for bytes in [&input, &sample] {
            prop_assert!(run(compression, bytes, cap).1.len() <= cap);
        }
    }
}
