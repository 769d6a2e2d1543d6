//! Certificate chains: RFC 5246 section 7.4.2 for the list, RFC 5280 for a certificate.
//!
//! Signatures and trust are not checked: this is what the peer showed, not whether it is true.

use lanternfish_model::Timestamp;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::reader::Reader;

/// The most certificates of a chain that are read.
pub const MAX_CERTIFICATES: usize = 32;
/// The most alternative names of a certificate that are kept.
const MAX_NAMES: usize = 128;

/// The certificates of a Certificate message, in DER; the last may be cut.
pub fn chain(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(body);
    let has_length = reader.u24().is_some();
    let mut list = Reader::new(if has_length { reader.rest() } else { &[] });
    let certificates = std::iter::from_fn(move || {
        let length = list.u24()? as usize;
        match list.take(length) {
            Some(whole) => Some(whole),
            None => {
                let part = list.rest();
                list = Reader::new(&[]);
                Some(part)
            }
        }
    });
    certificates.filter(|certificate| !certificate.is_empty()).take(MAX_CERTIFICATES)
}

/// The serial number of a certificate as it stands there; the certificate may be cut behind it.
pub fn serial(certificate: &[u8]) -> Option<&[u8]> {
    let certificate = open(certificate, SEQUENCE)?;
    let mut body = Reader::new(open(certificate, SEQUENCE)?);
    let (mut tag, mut content) = element(&mut body)?;
    if tag == VERSION {
        (tag, content) = element(&mut body)?;
    }
    (tag == INTEGER).then_some(content)
}

/// The certificates of the responder in a CertificateStatus message, in DER (RFC 6066 section 8, RFC 6960 section 4.2.1).
pub fn responder_certificates(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut list = Reader::new(responder_list(body).unwrap_or_default());
    let certificates = std::iter::from_fn(move || {
        let whole = list.rest();
        element(&mut list)?;
        whole.get(..whole.len().saturating_sub(list.rest().len()))
    });
    certificates.take(MAX_CERTIFICATES)
}

fn responder_list(body: &[u8]) -> Option<&[u8]> {
    let (&OCSP, status) = body.split_first()? else { return None };
    let mut response = Reader::new(open(status.get(3..)?, SEQUENCE)?);
    element(&mut response)?;
    let (_, response_bytes) = element(&mut response)?;
    let mut typed = Reader::new(open(response_bytes, SEQUENCE)?);
    element(&mut typed)?;
    let (_, basic) = element(&mut typed)?;
    let mut basic = Reader::new(open(basic, SEQUENCE)?);
    for _ in ["tbsResponseData", "signatureAlgorithm", "signature"] {
        element(&mut basic)?;
    }
    let (_, certificates) = element(&mut basic)?;
    open(certificates, SEQUENCE)
}

/// What is told of a certificate that ends a chain.
#[derive(Clone, Debug, Default)]
pub struct Leaf {
    /// The subject.
    pub subject: String,
    /// The issuer.
    pub issuer: String,
    /// The alternative names, or the common name where there are none.
    pub names: Vec<String>,
    /// The first URI name that is a SPIFFE ID.
    pub spiffe_id: Option<String>,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it ceases to be valid.
    pub not_after: Timestamp,
    /// Whether it is its own issuer.
    pub is_self_signed: bool,
}

impl Leaf {
    /// Reads a certificate; `None` where it is cut or malformed.
    pub fn read(der: &[u8]) -> Option<Leaf> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let validity = certificate.validity();
        let mut leaf = Leaf {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            not_before: Timestamp::from_parts(validity.not_before.timestamp(), 0),
            not_after: Timestamp::from_parts(validity.not_after.timestamp(), 0),
            is_self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            ..Leaf::default()
        };
        let names = certificate.subject_alternative_name().ok().flatten();
        for name in names.iter().flat_map(|extension| &extension.value.general_names).take(MAX_NAMES) {
            match name {
                GeneralName::DNSName(text) | GeneralName::RFC822Name(text) => leaf.names.push((*text).to_owned()),
                GeneralName::URI(text) => {
                    if leaf.spiffe_id.is_none() && text.starts_with("spiffe://") {
                        leaf.spiffe_id = Some((*text).to_owned());
                    }
                    leaf.names.push((*text).to_owned());
                }
                GeneralName::IPAddress(address) => leaf.names.extend(address_name(address)),
                _ => {}
            }
        }
        Some(leaf)
    }
}

fn address_name(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string())
}

/// The content of the element at the front, as far as it is there.
fn open(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    let found = reader.u8()?;
    let length = length(&mut reader)?;
    let content = reader.rest();
    (found == tag).then(|| content.get(..length).unwrap_or(content))
}

/// Takes a whole element.
fn element<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let tag = reader.u8()?;
    let length = length(reader)?;
    Some((tag, reader.take(length)?))
}

/// A definite length of X.690 section 8.1.3.
fn length(reader: &mut Reader<'_>) -> Option<usize> {
    let first = reader.u8()?;
    if first < 0x80 {
        return Some(usize::from(first));
    }
    let mut length = 0usize;
    for &byte in reader.take(usize::from(first & 0x7f).min(4))? {
        length = length.checked_shl(8)?.checked_add(usize::from(byte))?;
    }
    Some(length)
}

/// The status type of one OCSP response.
const OCSP: u8 = 1;
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
