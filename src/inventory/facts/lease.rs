//! A lease, and what its name and labels tell of whose it is.
//!
//! ```text
//! <container>             a container's two snapshots
//! moby-image-<image ID>   the manifest of an image of a graph driver
//! <record>                a cache record's snapshot or blob
//! <record>-variants       other compressions of its blob
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A lease of containerd or BuildKit. Its key's ID is `<namespace>/<lease>`.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    pub namespace: String,
    pub id: String,
    pub created_at: Option<Timestamp>,
    pub expires: Option<Timestamp>,
    pub labels: BTreeMap<String, String>,
}

impl Lease {
    /// What the name ends in of one that keeps other compressions of a record's blob.
    // buildkit cache/manager.go
    pub const VARIANTS: &'static str = "-variants";
    /// What the name begins with of one that keeps the manifest of a graph driver's image.
    // moby daemon/images/store.go: imageKey
    pub const OF_IMAGE: &'static str = "moby-image-";
    /// Marks one of a build.
    // buildkit util/leaseutil: MakeTemporary
    pub const TEMPORARY: &'static str = "buildkit/lease.temporary";

    /// Of a build: it does not outlive the engine.
    // moby daemon/internal/builder-next/controller.go
    pub fn is_temporary(&self) -> bool {
        self.labels.contains_key(Self::TEMPORARY)
    }

    /// It keeps what it names, and nothing that its blobs refer to.
    // containerd core/metadata/gc.go
    pub fn is_flat(&self) -> bool {
        self.labels.contains_key("containerd.io/gc.flat")
    }

    /// Called after a cache record: 25 letters and digits.
    // buildkit identity/randomid.go, cache/manager.go
    pub fn is_of_record(&self) -> bool {
        let record = self.id.strip_suffix(Self::VARIANTS).unwrap_or(&self.id);
        record.len() == 25 && record.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
    }

    /// An engine works in its namespace, or one with remapped IDs.
    pub fn is_of_engine(&self) -> bool {
        self.namespace == "moby" || self.namespace.starts_with("moby-")
    }
}
