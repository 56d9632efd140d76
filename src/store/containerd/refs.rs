//! The labels that containerd's garbage collector heeds.
//!
//! ```text
//! containerd.io/gc.root…                       a root, whatever the value
//! containerd.io/gc.ref.content[.x|/x]          keep the content <value>
//! containerd.io/gc.ref.snapshot.<s>[/x]        keep the snapshot <value> of snapshotter s
//! containerd.io/gc.ref.image[.x|/x]            keep the image <value>                                       2.0 on
//! containerd.io/gc.bref.{container,content,image,snapshot.<s>}…    kept as long as the one named is         2.2 on
//! containerd.io/gc.cond.snapshot.<s>           <condition>|<name>: keep the snapshot if it was used lately      2.3 on
//! containerd.io/gc.flat                        of a lease: follow no label of what it lists
//! ```
//!
//! containerd core/metadata/gc.go. What a condition decides is not looked at: such a snapshot counts as kept.

use std::collections::{BTreeMap, BTreeSet};

use super::meta::{Labels, Namespace};

/// What a label names, in the namespace of the labelled thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Content(String),
    Snapshot(String, String),
    Image(String),
    Container(String),
    Sandbox(String),
}

/// What labels say of one thing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) is_root: bool,
    /// It keeps these.
    pub(super) keeps: Vec<Node>,
    /// These keep it.
    pub(super) kept_by: Vec<Node>,
}

impl Conditions {
    pub(super) fn of(labels: &Labels) -> Self {
        let mut found = Self::default();
        for (label, value) in labels {
            let Some(rest) = label.strip_prefix("containerd.io/gc.") else { continue };
            if rest.starts_with("root") {
                found.is_root = true;
            } else if let Some(what) = rest.strip_prefix("ref.") {
                found.keeps.extend(named(what, value));
            } else if let Some(what) = rest.strip_prefix("bref.") {
                found.kept_by.extend(named(what, value));
            } else if let Some((what, (_, name))) = rest.strip_prefix("cond.").zip(value.split_once('|')) {
                found.keeps.extend(named(what, name));
            }
        }
        found
    }

    pub(super) fn is_flat(labels: &Labels) -> bool {
        labels.contains_key("containerd.io/gc.flat")
    }
}

/// `content.l.0` and a digest; `snapshot.overlayfs/x` and a name.
fn named(what: &str, value: &str) -> Option<Node> {
    let plain =
        |kind: &str| what.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']));
    if let Some(snapshotter) = what.strip_prefix("snapshot.") {
        let snapshotter = snapshotter.split('/').next().unwrap_or_default();
        return Some(Node::Snapshot(snapshotter.to_owned(), value.to_owned()));
    }
    let value = value.to_owned();
    if plain("content") {
        Some(Node::Content(value))
    } else if plain("image") {
        Some(Node::Image(value))
    } else {
        plain("container").then_some(Node::Container(value))
    }
}

/// What the labels of one namespace refer to.
#[derive(Debug)]
pub(super) struct Refs {
    pub(super) links: BTreeMap<Node, BTreeSet<Node>>,
    pub(super) roots: BTreeSet<Node>,
    /// Snapshots that labels hang on, of themselves or of one below.
    pub(super) labelled: BTreeSet<(String, String)>,
}

impl Refs {
    pub(super) fn of(namespace: &Namespace) -> Self {
        let mut refs = Self { links: BTreeMap::new(), roots: BTreeSet::new(), labelled: BTreeSet::new() };
        namespace.blobs.iter().for_each(|(name, it)| refs.take(Node::Content(name.clone()), &it.labels));
        namespace.images.iter().for_each(|(name, it)| refs.take(Node::Image(name.clone()), &it.labels));
        namespace.containers.iter().for_each(|(id, it)| refs.take(Node::Container(id.clone()), &it.labels));
        namespace.sandboxes.iter().for_each(|(id, it)| refs.take(Node::Sandbox(id.clone()), &it.labels));
        for ((snapshotter, name), it) in &namespace.snapshots {
            refs.take(Node::Snapshot(snapshotter.clone(), name.clone()), &it.labels);
        }
        refs.mark_labelled(namespace);
        refs
    }

    fn take(&mut self, node: Node, labels: &Labels) {
        let conditions = Conditions::of(labels);
        for kept in conditions.keeps.into_iter().filter(|kept| *kept != node) {
            self.links.entry(node.clone()).or_default().insert(kept);
        }
        for keeper in conditions.kept_by.into_iter().filter(|keeper| *keeper != node) {
            self.links.entry(keeper).or_default().insert(node.clone());
        }
        if conditions.is_root {
            self.roots.insert(node);
        }
    }

    /// From those with labels up to all that stand on them.
    fn mark_labelled(&mut self, namespace: &Namespace) {
        let mut todo: Vec<(String, String)> = Vec::new();
        for node in self.links.keys().chain(&self.roots) {
            if let Node::Snapshot(snapshotter, name) = node {
                todo.push((snapshotter.clone(), name.clone()));
            }
        }
        if todo.is_empty() {
            return;
        }
        let mut above: BTreeMap<(&str, &str), Vec<&(String, String)>> = BTreeMap::new();
        for (key, snapshot) in &namespace.snapshots {
            if let Some(parent) = &snapshot.parent {
                above.entry((&key.0, parent)).or_default().push(key);
            }
        }
        while let Some(next) = todo.pop() {
            let standing = above.get(&(next.0.as_str(), next.1.as_str())).into_iter().flatten();
            let standing: Vec<_> = standing.map(|key| (*key).clone()).collect();
            if self.labelled.insert(next) {
                todo.extend(standing);
            }
        }
    }

    pub(super) fn has_labels(&self, node: &Node) -> bool {
        self.links.contains_key(node) || self.roots.contains(node)
    }
}
