//! The two meta pages, and which of them counts.
//!
//! ```text
//! page 0  +16  magic u32 · version u32 · page size u32 · flags u32 · root page u64 · root sequence u64
//! page 1  +16  freelist page u64 · high-water mark u64 · txid u64 · FNV-1a of the 56 bytes before u64
//! ```
//!
//! Transaction t writes meta t mod 2 after its data, so the valid meta with the higher txid describes complete data, and
//! when that one is torn the other is the complete state before the last commit. The page size is the writer's own, and
//! is found in the meta that it is needed to find.

use super::error::{BoltError, MetaFault};
use super::int::{u32_at, u64_at};

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const META_AT: usize = 16;
const META_LEN: usize = 64;
/// Page sizes from 2^9 to 2^24 are looked for.
const SHIFTS: std::ops::RangeInclusive<u32> = 9..=24;

/// One valid meta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) page_size: usize,
    pub(super) root: u64,
    pub(super) sequence: u64,
    pub(super) high_water: u64,
    pub(super) txid: u64,
}

/// The meta that counts, and why the other one does not, when it is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) meta: Meta,
    pub(super) other: Option<MetaFault>,
}

impl Meta {
    /// Of a copy of the other meta the checksum is as good; what tells is the page's own header.
    fn parse(bytes: &[u8], page_at: usize) -> Result<Self, MetaFault> {
        let start = page_at.checked_add(META_AT).ok_or(MetaFault::Missing)?;
        let end = start.checked_add(META_LEN).ok_or(MetaFault::Missing)?;
        let meta = bytes.get(start..end).ok_or(MetaFault::Missing)?;
        let meta = Self::of(meta).ok_or(MetaFault::Missing)??;
        let id = u64_at(bytes, page_at).ok_or(MetaFault::Missing)?;
        if id == u64::from(page_at > 0) { Ok(meta) } else { Err(MetaFault::PageId(id)) }
    }

    /// None only when `meta` is too short.
    fn of(meta: &[u8]) -> Option<Result<Self, MetaFault>> {
        let magic = u32_at(meta, 0)?;
        if magic != MAGIC {
            let swapped = magic == MAGIC.swap_bytes();
            return Some(Err(if swapped { MetaFault::BigEndian } else { MetaFault::Magic(magic) }));
        }
        let version = u32_at(meta, 4)?;
        if version != VERSION {
            return Some(Err(MetaFault::Version(version)));
        }
        if u64_at(meta, 56)? != fnv1a(meta.get(..56)?) {
            return Some(Err(MetaFault::Checksum));
        }
        let size = u32_at(meta, 8)?;
        let known = size.is_power_of_two() && SHIFTS.contains(&size.trailing_zeros());
        let Some(page_size) = usize::try_from(size).ok().filter(|_| known) else {
            return Some(Err(MetaFault::PageSize(size)));
        };
        Some(Ok(Self {
            page_size,
            root: u64_at(meta, 16)?,
            sequence: u64_at(meta, 24)?,
            high_water: u64_at(meta, 40)?,
            txid: u64_at(meta, 48)?,
        }))
    }

    /// Meta 1 says nothing unless it agrees where it lies.
    fn second(bytes: &[u8], page_size: usize) -> Result<Self, MetaFault> {
        let meta = Self::parse(bytes, page_size)?;
        if meta.page_size == page_size { Ok(meta) } else { Err(MetaFault::PageSize(shown(meta.page_size))) }
    }
}

fn shown(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// Reads both metas and takes the valid one with the higher transaction.
pub(super) fn choose(bytes: &[u8]) -> Result<Chosen, BoltError> {
    if bytes.is_empty() {
        return Err(BoltError::Empty);
    }
    if bytes.len() < META_AT + META_LEN {
        return Err(BoltError::TooShort { len: bytes.len() });
    }
    match Meta::parse(bytes, 0) {
        Ok(first) => Ok(match Meta::second(bytes, first.page_size) {
            Ok(second) if second.txid > first.txid => Chosen { meta: second, other: None },
            Ok(_) => Chosen { meta: first, other: None },
            Err(fault) => Chosen { meta: first, other: Some(fault) },
        }),
        Err(fault) => probe(bytes, fault),
    }
}

/// Looks for meta 1 wherever a page size could have put it, when meta 0 says nothing.
fn probe(bytes: &[u8], first: MetaFault) -> Result<Chosen, BoltError> {
    let mut second = MetaFault::Missing;
    for size in SHIFTS.map(|shift| 1usize << shift) {
        match Meta::second(bytes, size) {
            Ok(meta) => return Ok(Chosen { meta, other: Some(first) }),
            // A magic number, even of a meta that is damaged, tells more than its absence.
            Err(fault @ (MetaFault::Magic(_) | MetaFault::Missing)) => {
                if second == MetaFault::Missing {
                    second = fault;
                }
            }
            Err(fault) => second = fault,
        }
    }
    Err(match (first, second) {
        (MetaFault::BigEndian, _) | (_, MetaFault::BigEndian) => BoltError::BigEndian,
        (MetaFault::Magic(_), MetaFault::Magic(_) | MetaFault::Missing) => BoltError::NotBolt,
        _ => BoltError::BothMetas { first, second },
    })
}

/// How many bytes of the file's start hold both metas. `start` is at least its first 80 bytes; when those say nothing,
/// the answer is that of the largest page size.
pub fn head_len(start: &[u8]) -> usize {
    let largest = 1usize << *SHIFTS.end();
    Meta::parse(start, 0).map_or(largest, |meta| meta.page_size) + META_AT + META_LEN
}

/// The transaction that a database stands at. `head` is the first `head_len` bytes of the file, or all of it.
pub fn best_txid(head: &[u8]) -> Option<u64> {
    choose(head).ok().map(|chosen| chosen.meta.txid)
}

/// Makes both metas valid, whatever they say. A fuzzer would not guess the checksum.
pub(in crate::format) fn seal(bytes: &mut [u8]) {
    let size = u32_at(bytes, META_AT + 8).and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| size.is_power_of_two() && (512..=65536).contains(size)).unwrap_or(512);
    for page_at in [0, size] {
        let Some(id) = bytes.get_mut(page_at..page_at + 8) else { return };
        id.copy_from_slice(&u64::from(page_at > 0).to_le_bytes());
        let Some(meta) = bytes.get_mut(page_at + META_AT..page_at + META_AT + META_LEN) else { return };
        let (sealed, sum) = meta.split_at_mut(META_LEN - 8);
        let known = [MAGIC, VERSION, u32::try_from(size).unwrap_or(0)].map(u32::to_le_bytes);
        sealed.iter_mut().zip(known.as_flattened()).for_each(|(to, from)| *to = *from);
        sum.copy_from_slice(&fnv1a(sealed).to_le_bytes());
    }
}

/// 64-bit FNV-1a, which bolt seals its metas with.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
