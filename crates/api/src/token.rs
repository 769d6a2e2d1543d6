//! Tokens: shown once, kept as hashes, compared in constant time.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::Rights;

/// The SHA-256 of a token. A token has 256 random bits, so that its hash needs no salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

/// A token by its hash, and what its holder may do.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// The hash.
    pub hash: TokenHash,
    /// What its holder may do.
    pub rights: Rights,
}

impl TokenHash {
    /// The hash of a token.
    pub fn of(token: &str) -> TokenHash {
        TokenHash(Sha256::digest(token.trim().as_bytes()).into())
    }

    /// Whether it is the hash of a token; takes the same time whatever the answer. What is empty is no token.
    pub fn fits(&self, token: &str) -> bool {
        bool::from(self.0.ct_eq(&TokenHash::of(token).0)) && !token.trim().is_empty()
    }

    /// The hash as it is stored: `sha256:` and hexadecimal digits.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", hex(&self.0))
    }

    /// The hash of a stored text.
    pub fn from_text(text: &str) -> Option<TokenHash> {
        let digits = text.trim().strip_prefix(PREFIX)?;
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.is_ascii() {
            return None;
        }
        for (slot, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(TokenHash(bytes))
    }
}

/// A new token, to be shown once; `None` where the system has no random bytes.
pub fn new_token() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("lf_{}", hex(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const PREFIX: &str = "sha256:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_kept_as_text() {
        let token = new_token().unwrap();
        assert_eq!(token.len(), 67);
        assert_ne!(Some(&token), new_token().as_ref());
        let hash = TokenHash::of(&token);
        assert!(hash.fits(&token));
        assert!(hash.fits(&format!("{token}\n")));
        assert!(!hash.fits(&token[1..]));
        assert!(!TokenHash::of("\n").fits("") && !TokenHash::of("").fits(" "), "nobody comes in with nothing");
        assert_eq!(TokenHash::from_text(&hash.to_text()), Some(hash));
        for text in
            ["", "sha256:", "sha256:zz", &token, &hash.to_text()[..70], &hash.to_text().replace("sha256", "md5")]
        {
            assert_eq!(TokenHash::from_text(text), None, "{text}");
        }
        assert_eq!(
            TokenHash::of("abc").to_text(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
