//! `metadata_v2.db` (before 20.10: `metadata.db`): the cache records.
//!
//! ```text
//! _main/<record>/<key>               {"value": …, "index": "…"}; an empty value means that the key was cleared
//! _index/<index>::<record>           empty
//! _external/<record>/<key>           opaque
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::format::bolt::{Bucket, Tree};
use crate::inventory::facts::{CacheRecord, Parentage};
use crate::inventory::{Entity, Inventory, Keeps};
use crate::terms::{CacheId, Digest, Key, Kind, LinkKind, Lost, Place, Printable};

use super::Site;

/// What goes with this database.
pub(super) const LOST: &[LinkKind] =
    &[LinkKind::Caches, LinkKind::RecordParent, LinkKind::HoldsLease, LinkKind::Content];

pub(super) type Records = BTreeMap<String, CacheRecord>;

/// Reads every record.
pub(super) fn parse(inv: &mut Inventory, at: &Place, tree: &Tree) -> Records {
    let mut found = Records::new();
    for (name, bucket) in tree.at(&[b"_main"]).into_iter().flat_map(Bucket::buckets) {
        match std::str::from_utf8(name).ok().filter(|name| CacheId::parse(name).is_some()) {
            Some(name) => {
                let record = Fields { inv, at, name, bucket }.record();
                found.insert(name.to_owned(), record);
            }
            None => {
                let cause = format!("{} is no name of a cache record", Printable(name));
                inv.problem("bad-cache-record", at, Lost::Links(LOST.to_vec()), cause);
            }
        }
    }
    found
}

/// One record's keys.
struct Fields<'a, 't> {
    inv: &'a mut Inventory,
    at: &'a Place,
    name: &'a str,
    bucket: Bucket<'t>,
}

impl Fields<'_, '_> {
    fn record(mut self) -> CacheRecord {
        let used = self.take("cache.usageCount", Value::as_i64);
        let size = self.take("snapshot.size", Value::as_i64);
        let (parentage, parents) = self.parents();
        CacheRecord {
            committed: self.take("snapshot.committed", Value::as_bool).unwrap_or(false),
            size: size.and_then(|size| u64::try_from(size).ok()),
            snapshot: self.text("cache.snapshot").unwrap_or_else(|| self.name.to_owned()),
            equal_mutable: self.text("cache.equalMutable"),
            parents,
            parentage,
            record_type: self.text("cache.recordType").unwrap_or_else(|| "regular".to_owned()),
            description: self.take("cache.description", as_text).unwrap_or_default(),
            created_at: self.take("cache.createdAt", as_time).flatten(),
            // buildkit cache/metadata.go, getLastUsed: without a count the time is not looked at
            last_used_at: used.and_then(|_| self.take("cache.lastUsedAt", as_time).flatten()),
            usage_count: used,
            blob_only: self.take("cache.blobonly", Value::as_bool).unwrap_or(false),
            blob: self.text("cache.blob").and_then(|blob| Digest::parse(&blob)),
            retain: self.take("cache.cachePolicy", Value::as_i64) == Some(1),
            deleted: self.take("cache.deleted", Value::as_bool).unwrap_or(false),
        }
    }

    /// buildkit cache/refs.go, kind: merge before diff before layer.
    fn parents(&mut self) -> (Parentage, Vec<String>) {
        if let Some(merged) = self.take("cache.mergeParents", as_texts).filter(|merged| !merged.is_empty()) {
            return (Parentage::Merge, merged);
        }
        let [lower, upper] = ["cache.lowerDiffParent", "cache.upperDiffParent"].map(|key| self.text(key));
        if lower.is_some() || upper.is_some() {
            return (Parentage::Diff { upper: upper.clone() }, lower.into_iter().chain(upper).collect());
        }
        (Parentage::Layer, self.text("cache.parent").into_iter().collect())
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, as_text).filter(|text| !text.is_empty())
    }

    fn take<T>(&mut self, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        #[derive(serde::Deserialize)]
        struct Stored {
            #[serde(default)]
            value: Value,
        }
        let bytes = self.bucket.get(key.as_bytes()).filter(|bytes| !bytes.is_empty())?;
        let value = match serde_json::from_slice::<Stored>(bytes) {
            Ok(Stored { value: Value::Null }) => return None,
            Ok(stored) => read(&stored.value).ok_or_else(|| "not of the type it should be".to_owned()),
            Err(cause) => Err(cause.to_string()),
        };
        let lost = if key.starts_with("cache.") { Lost::Links(LOST.to_vec()) } else { Lost::Nothing };
        let value = value.map_err(|cause| format!("{key} of cache record {}: {cause}", self.name));
        self.inv.note("bad-cache-record", self.at, lost, value)
    }
}

fn as_text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn as_texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(as_text).collect()
}

/// Nanoseconds since 1970; zero is no time.
fn as_time(value: &Value) -> Option<Option<Timestamp>> {
    let nanoseconds = value.as_i64()?;
    let time = Timestamp::from_nanosecond(nanoseconds.into()).ok()?;
    Some((nanoseconds != 0).then_some(time))
}

/// Puts the records of a store into the table, each with its parents and its pair.
pub(super) fn enter(site: &Site<'_>, inv: &mut Inventory, store: &str, at: &Place, records: &Records) {
    for (name, record) in records {
        let key = key(site, store, name);
        let mut thing = Entity::new(record.clone()).named(record.description.clone());
        if !record.deleted {
            thing = thing.kept(Keeps::CacheRecord);
        }
        inv.add(key.clone(), thing);
        for parent in &record.parents {
            inv.link(&key, LinkKind::RecordParent, self::key(site, store, parent), at);
        }
        // buildkit cache/manager.go, getRecord: a pair whose mutable half is gone is on its own
        if let Some(half) = record.equal_mutable.as_deref().filter(|half| records.contains_key(*half)) {
            inv.link(&key, LinkKind::Caches, self::key(site, store, half), at);
        }
    }
}

pub(super) fn key(site: &Site<'_>, store: &str, name: &str) -> Key {
    site.root.key(store, Kind::CacheRecord, name)
}
