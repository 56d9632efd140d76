//! How much may come out of a blob. A few kilobytes unpack to as many gigabytes as somebody likes, and all of it would be hashed.
//! What the snapshot's own files explain may come, and besides as much as any packer makes of so many bytes.

/// Whatever is above comes from long runs of the same byte, and is in a file of the snapshot too, or is there to do harm.
const RATIO: u64 = 50;
/// Of a short blob.
const FREE: u64 = 256 << 20;

#[derive(Debug, Default)]
pub(super) struct Budget {
    unpacked: u64,
    explained: u64,
}

impl Budget {
    pub(super) fn came(&mut self, bytes: u64) {
        self.unpacked = self.unpacked.saturating_add(bytes);
    }

    /// The content of a file that lies in the snapshot, with this length.
    pub(super) fn explain(&mut self, bytes: u64) {
        self.explained = self.explained.saturating_add(bytes);
    }

    /// Nothing more is to be unpacked, after so many bytes of the blob; why.
    pub(super) fn is_spent(&self, packed: u64) -> Option<String> {
        let free = packed.saturating_mul(RATIO).saturating_add(FREE);
        let spent = self.unpacked.saturating_sub(self.explained) > free;
        spent.then(|| format!("unpacks to more than {RATIO} times its size, and no file of the snapshot explains it"))
    }
}
