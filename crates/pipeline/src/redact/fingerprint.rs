//! What stands in the place of a secret.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// The length of the key of fingerprints.
pub const FINGERPRINT_KEY_BYTES: usize = 16;

/// Makes fingerprints: the first 24 bits of SipHash-2-4 under a key that never leaves the machine.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    key: [u8; FINGERPRINT_KEY_BYTES],
}

impl Fingerprint {
    /// Fingerprints under a key: the same secret has the same one as long as the key is kept.
    pub fn new(key: [u8; FINGERPRINT_KEY_BYTES]) -> Fingerprint {
        Fingerprint { key }
    }

    /// Writes what stands in the place of a secret.
    pub(super) fn write(&self, secret: &[u8], out: &mut Vec<u8>) {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(secret);
        out.extend_from_slice(format!("[REDACTED {:06x}]", hasher.finish() >> 40).as_bytes());
    }

    /// What stands in the place of a value that is a secret; none where there is nothing to hide.
    pub(super) fn replace(&self, secret: &[u8]) -> Option<Vec<u8>> {
        if secret.is_empty() || is_redacted(secret) {
            return None;
        }
        let mut out = Vec::with_capacity(REPLACED_BYTES);
        self.write(secret, &mut out);
        Some(out)
    }
}

/// Whether a value is what stands in the place of a secret.
pub(super) fn is_redacted(value: &[u8]) -> bool {
    value.starts_with(b"[REDACTED")
}

/// The length of what stands in the place of a secret.
const REPLACED_BYTES: usize = 17;
