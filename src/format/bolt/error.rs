//! What can be wrong with a database: as a whole (`BoltError`), in one of its two metas (`MetaFault`), or in one place
//! of its tree (`Fault`), where only the bucket around it suffers.

use thiserror::Error;

/// Why a file cannot be read as a bolt database at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BoltError {
    #[error("the file is empty: no database was ever written to it")]
    Empty,
    #[error("the file is cut off: {len} bytes do not hold even the first meta page")]
    TooShort { len: usize },
    #[error("not a bolt database: the magic number is in neither meta page")]
    NotBolt,
    #[error("a bolt database written on a big-endian machine, which is not supported")]
    BigEndian,
    #[error("both meta pages are invalid (the first: {first}; the second: {second})")]
    BothMetas { first: MetaFault, second: MetaFault },
    #[error("the database kept changing while it was read")]
    Changing,
}

/// Why one meta page does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MetaFault {
    #[error("outside the file")]
    Missing,
    #[error("no magic number but {0:#010x}")]
    Magic(u32),
    #[error("big-endian")]
    BigEndian,
    #[error("format version {0}, where 2 is known")]
    Version(u32),
    #[error("checksum mismatch")]
    Checksum,
    #[error("the page calls itself {0}")]
    PageId(u64),
    #[error("an impossible page size of {0}")]
    PageSize(u32),
}

/// What is wrong in one place of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("the file is cut off: it holds {have} of {want} pages")]
    Truncated { have: u64, want: u64 },
    #[error("the page number lies in the reserved head or past the high-water mark")]
    PageNumber,
    #[error("the page lies outside the file")]
    OutsideFile,
    #[error("the page calls itself {0}")]
    PageId(u64),
    #[error("the page's flags {0:#06x} are neither a branch nor a leaf")]
    PageFlags(u16),
    #[error("the page is reached twice")]
    ReachedTwice,
    #[error("the page has {0} overflow pages, which its content does not fill")]
    Overflow(u32),
    #[error("a branch or an inner leaf without elements")]
    NoElements,
    #[error("the table of elements does not fit into the page")]
    Table,
    #[error("element {0} reaches out of the page, or into another element")]
    Element(usize),
    #[error("the page holds bytes that no element claims")]
    Leftover,
    #[error("there is a gap before element {0}")]
    Gap(usize),
    #[error("element {0} has unknown flags")]
    ElementFlags(usize),
    #[error("element {0} has a key of impossible length")]
    KeyLength(usize),
    #[error("the key of element {0} is out of order")]
    KeyOrder(usize),
    #[error("the tree is deeper than any real one")]
    TooDeep,
    #[error("buckets are nested deeper than any real ones")]
    TooNested,
    #[error("the bucket's header is cut off")]
    BucketHeader,
    #[error("the inline bucket's value is longer than its content")]
    InlineLength,
    #[error("an inline bucket holds a bucket")]
    InlineBucket,
}
