//! Owners by kind and store: the table that adds up, for people.

use std::collections::BTreeMap;

use super::contract::Report;
use super::verdict::percent;
use crate::inventory::OwnerKind;

/// Owners of one kind in one store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub kind: String,
    pub words: String,
    pub store: String,
    pub count: u64,
    pub on_disk_bytes: u64,
    pub share: String,
    pub inodes: u64,
    pub docker_df_bytes: u64,
    pub hidden_bytes: u64,
    pub hidden_count: u64,
    pub hidden_inodes: u64,
}

/// Biggest first.
pub fn groups(report: &Report) -> Vec<Group> {
    let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
    for owner in &report.owners {
        let group = groups.entry((owner.kind, &owner.store)).or_default();
        group.count += 1;
        group.on_disk_bytes += owner.on_disk_bytes;
        group.inodes += owner.inodes;
        if owner.in_docker_df {
            group.docker_df_bytes += owner.on_disk_bytes;
        } else {
            group.hidden_bytes += owner.on_disk_bytes;
            group.hidden_count += 1;
            group.hidden_inodes += owner.inodes;
        }
    }
    let mut list: Vec<Group> = groups
        .into_iter()
        .map(|((kind, store), group)| Group {
            words: OwnerKind::from_name(kind)
                .map_or_else(|| kind.to_owned(), |kind| super::verdict::words(kind).to_owned()),
            kind: kind.to_owned(),
            store: store.to_owned(),
            share: percent(group.on_disk_bytes, report.totals.on_disk_bytes),
            ..group
        })
        .collect();
    list.sort_by(|a, b| {
        b.on_disk_bytes.cmp(&a.on_disk_bytes).then_with(|| (&a.words, &a.store).cmp(&(&b.words, &b.store)))
    });
    list
}
