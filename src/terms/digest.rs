//! Digests, and the names Docker derives from them.
//!
//! `chain(d1) = d1`; `chain(d1..dn) = sha256("<chain(d1..dn-1)> <dn>")`, both with their `sha256:` prefix.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// `sha256:` and 64 lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Arc<str>);

impl Digest {
    /// Takes exactly `sha256:<64 hex>`.
    pub fn parse(text: &str) -> Option<Self> {
        text.strip_prefix("sha256:").filter(|hex| is_hex64(hex))?;
        Some(Self(text.into()))
    }

    /// Takes the 64 hex digits that name a file.
    pub fn from_hex(hex: &str) -> Option<Self> {
        is_hex64(hex).then(|| Self(format!("sha256:{hex}").into()))
    }

    /// The SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_hash(Sha256::new_with_prefix(bytes))
    }

    /// The end of a hash that was fed in parts.
    pub fn of_hash(hasher: Sha256) -> Self {
        Self::of_bytes(hasher.finalize().into())
    }

    fn of_bytes(hash: [u8; 32]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in hash {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    /// With the `sha256:` prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, to be replaced by the same text.
    pub(crate) fn text(&mut self) -> &mut Arc<str> {
        &mut self.0
    }

    /// Without the prefix: the name of a file.
    pub fn hex(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or(&self.0)
    }
}

/// The same text, shared.
impl From<&Digest> for Arc<str> {
    fn from(digest: &Digest) -> Self {
        digest.0.clone()
    }
}

impl From<&CacheId> for Arc<str> {
    fn from(id: &CacheId) -> Self {
        id.0.clone()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A digest without its text, for the very many that are compared once and forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl From<&Digest> for Hash {
    fn from(digest: &Digest) -> Self {
        let digit = |hex: &u8| char::from(*hex).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
        let mut hash = [0; 32];
        for (byte, hex) in hash.iter_mut().zip(digest.hex().as_bytes().chunks(2)) {
            *byte = hex.iter().fold(0, |byte, hex| byte << 4 | digit(hex));
        }
        Self(hash)
    }
}

impl From<Hash> for Digest {
    fn from(hash: Hash) -> Self {
        Self::of_bytes(hash.0)
    }
}

/// The digest of a layer's uncompressed tar stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiffId(pub Digest);

/// The digest that names a layer together with everything below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(pub Digest);

impl ChainId {
    /// The chain of a layer with nothing below it.
    pub fn base(diff: &DiffId) -> Self {
        Self(diff.0.clone())
    }

    /// The chain of `diff` on top of this one.
    #[must_use]
    pub fn child(&self, diff: &DiffId) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0.as_str());
        hasher.update(" ");
        hasher.update(diff.0.as_str());
        Self(Digest::of_hash(hasher))
    }

    /// Every chain ID of an image, base first.
    pub fn all(diff_ids: &[DiffId]) -> Vec<Self> {
        let mut chain: Vec<Self> = Vec::with_capacity(diff_ids.len());
        for diff in diff_ids {
            chain.push(chain.last().map_or_else(|| Self::base(diff), |below| below.child(diff)));
        }
        chain
    }
}

/// A directory of a graph driver: one path component, never `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheId(Arc<str>);

impl CacheId {
    /// Takes a name of at most 255 bytes that is one component.
    pub fn parse(text: &str) -> Option<Self> {
        let one = !text.is_empty() && text.len() <= 255 && text != "." && text != "..";
        (one && !text.contains(['/', '\0', '\n'])).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, to be replaced by the same text.
    pub(crate) fn text(&mut self) -> &mut Arc<str> {
        &mut self.0
    }
}

/// The twelve characters that Docker shows of an ID, of a record of build cache too; other names stay whole.
pub fn short_id(id: &str) -> &str {
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    let cached = id.len() == 25 && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    if is_hex64(hex) || cached { hex.get(..12).unwrap_or(hex) } else { id }
}

fn is_hex64(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
