//! `containerdmeta.db`: who keeps which snapshot and which blob.
//!
//! ```text
//! v1/<namespace>/leases/<lease>/      createdat  labels/<key>
//!                                     snapshots/<snapshotter>/<snapshot>  content/<digest>  ingests/<ref>   (empty values)
//!                content/blob/<digest>/   size  labels/<key>
//!                content/ingests/<ref>/   ref: what the ingest's directory is named after
//! ```
//!
//! The schema is containerd's (core/metadata/buckets.go); the snapshotter is called `default` here, and a snapshot
//! that is a layer `sha256:<chain>`.

use std::collections::BTreeMap;

use crate::format::bolt::{Bucket, Tree};
use crate::format::{gotime, varint};
use crate::inventory::facts::{Blob, Lease};
use crate::inventory::{Entity, Inventory, Keeps};
use crate::terms::{Digest, Key, Kind, LinkKind, Lost, Place, Printable};

use super::{STORE, Site, snapshots};

/// What goes with this database.
pub(super) const LOST: &[LinkKind] = &[LinkKind::Leases, LinkKind::HoldsLease, LinkKind::Remembers, LinkKind::Content];

/// A lease with what it keeps.
#[derive(Debug, Default)]
pub(super) struct Leased {
    facts: Lease,
    snapshots: Vec<String>,
    blobs: Vec<String>,
    /// Names of ingest directories.
    ingests: Vec<String>,
}

/// What the database says.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// By `<namespace>/<lease>`.
    pub(super) leases: BTreeMap<String, Leased>,
    pub(super) blobs: BTreeMap<Digest, Blob>,
    /// The directories of unfinished ingests.
    pub(super) ingests: BTreeMap<String, String>,
}

/// Reads every namespace.
pub(super) fn parse(inv: &mut Inventory, at: &Place, tree: &Tree) -> Leases {
    let mut found = Leases::default();
    for (name, namespace) in tree.at(&[b"v1"]).into_iter().flat_map(Bucket::buckets) {
        let name = text(name);
        blobs(inv, at, &mut found, &name, namespace);
        let refs = ingests(namespace);
        for (id, bucket) in namespace.bucket(b"leases").into_iter().flat_map(Bucket::buckets) {
            let lease = lease(inv, at, &name, &text(id), bucket, &refs);
            found.leases.insert(format!("{name}/{}", text(id)), lease);
        }
        found.ingests.extend(refs.into_iter().map(|(name, directory)| (directory, name)));
    }
    found
}

fn lease(
    inv: &mut Inventory,
    at: &Place,
    namespace: &str,
    id: &str,
    bucket: Bucket<'_>,
    refs: &BTreeMap<String, String>,
) -> Leased {
    let labels = labels(bucket);
    let mut time = |what: &str, read: Result<Option<gotime::GoTime>, gotime::GoTimeError>| {
        let read = read.map_err(|cause| format!("{what} of lease {namespace}/{id}: {cause}"));
        inv.note("bad-lease", at, Lost::Nothing, read).flatten().map(|time| time.at)
    };
    let created_at = bucket.get(b"createdat").and_then(|bytes| time("createdat", gotime::from_binary(bytes)));
    let expires = labels.get("containerd.io/gc.expire").and_then(|at| time("gc.expire", gotime::from_rfc3339(at)));
    let names = |kind: &[u8]| bucket.bucket(kind).into_iter().flat_map(Bucket::iter).map(|(key, _)| text(key));
    let snapshotters = bucket.bucket(b"snapshots").into_iter().flat_map(Bucket::buckets);
    Leased {
        facts: Lease { namespace: namespace.to_owned(), id: id.to_owned(), created_at, expires, labels },
        snapshots: snapshotters.flat_map(|(_, keys)| keys.iter()).map(|(key, _)| text(key)).collect(),
        blobs: names(b"content").collect(),
        ingests: names(b"ingests").filter_map(|name| refs.get(&name).cloned()).collect(),
    }
}

fn blobs(inv: &mut Inventory, at: &Place, found: &mut Leases, namespace: &str, bucket: Bucket<'_>) {
    for (name, entry) in bucket.at(&[b"content", b"blob"]).into_iter().flat_map(Bucket::buckets) {
        let Some(digest) = Digest::parse(&text(name)) else {
            let cause = format!("{} is no digest of a blob", Printable(name));
            inv.problem("bad-blob-entry", at, Lost::Links(LOST.to_vec()), cause);
            continue;
        };
        let blob = found.blobs.entry(digest).or_default();
        let size =
            entry.get(b"size").map(varint::varint).and_then(Result::ok).and_then(|size| u64::try_from(size).ok());
        blob.recorded.extend(size.map(|size| (namespace.to_owned(), size)));
        blob.labels.extend(labels(entry));
    }
}

/// Unfinished ingests: the name that leases know them by, and their directory.
/// containerd plugins/content/local/store.go, ingestRoot: the hash of the ref, without its prefix.
fn ingests(namespace: Bucket<'_>) -> BTreeMap<String, String> {
    let entries = namespace.at(&[b"content", b"ingests"]).into_iter().flat_map(Bucket::buckets);
    entries.filter_map(|(name, entry)| Some((text(name), Digest::of(entry.get(b"ref")?).hex().to_owned()))).collect()
}

fn labels(bucket: Bucket<'_>) -> BTreeMap<String, String> {
    let entries = bucket.bucket(b"labels").into_iter().flat_map(Bucket::entries);
    entries.map(|(key, value)| (text(key), text(value))).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Puts leases into the table, with what they keep.
pub(super) fn enter(site: &Site<'_>, inv: &mut Inventory, at: &Place, leases: &Leases) {
    for (id, lease) in &leases.leases {
        let key = key(site, id);
        inv.add(key.clone(), Entity::new(lease.facts.clone()).kept(Keeps::Lease));
        for snapshot in &lease.snapshots {
            inv.link(&key, LinkKind::Leases, snapshots::key(site, snapshot), at);
        }
        for blob in &lease.blobs {
            inv.link(&key, LinkKind::Leases, blob_key(site, blob), at);
        }
        for ingest in &lease.ingests {
            inv.link(&key, LinkKind::Leases, site.root.key(STORE, Kind::Ingest, ingest.as_str()), at);
        }
    }
    // containerd core/metadata/gc.go: such labels keep what they name
    for (digest, blob) in &leases.blobs {
        for (_, below) in blob.labels.iter().filter(|(label, _)| label.starts_with("containerd.io/gc.ref.content")) {
            inv.link(&blob_key(site, digest.as_str()), LinkKind::Content, blob_key(site, below), at);
        }
    }
}

pub(super) fn key(site: &Site<'_>, id: &str) -> Key {
    site.root.key(STORE, Kind::Lease, id)
}

pub(super) fn blob_key(site: &Site<'_>, digest: &str) -> Key {
    site.root.key(STORE, Kind::Blob, digest)
}
