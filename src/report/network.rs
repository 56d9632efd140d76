//! The reference graph as data: every thing, every reference, what each weighs.

use schemars::JsonSchema;
use serde::Serialize;

use super::Analysis;
use super::contract::SCHEMA_VERSION;
use crate::explain::Scale;

/// `deadweight graph --format json`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Network {
    pub schema_version: u32,
    pub as_of: String,
    pub nodes: Vec<NetworkNode>,
    pub links: Vec<NetworkLink>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NetworkNode {
    /// The position in `nodes`.
    pub node: usize,
    pub kind: String,
    pub id: String,
    pub name: String,
    pub store: String,
    pub root: String,
    /// Why it stays by itself; null if it does not.
    pub keeps: Option<String>,
    /// Whether anything keeps it.
    pub live: bool,
    pub own_bytes: u64,
    pub retained_bytes: u64,
    pub shared_bytes: u64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NetworkLink {
    pub from: usize,
    /// Null if what it refers to is not there.
    pub to: Option<usize>,
    /// What it refers to.
    pub target: String,
    pub link: String,
    /// Whether the engine keeps the target for it.
    pub holds: bool,
    /// The file that says so.
    pub evidence: String,
}

pub fn network(analysis: &Analysis<'_>) -> Network {
    let reading = analysis.reading;
    let graph = &analysis.graph;
    let scale = Scale::of(graph, &analysis.retained, &reading.owners, &reading.ledger);
    let nodes = graph.keys().map(|(node, key)| {
        let bytes = scale.weigh(key);
        NetworkNode {
            node,
            kind: key.kind.name().to_owned(),
            id: key.id.to_string(),
            name: analysis.name(key),
            store: key.store.to_string(),
            root: key.root.to_string(),
            keeps: graph.root(node).map(|keeps| keeps.name().to_owned()),
            live: graph.is_live(key),
            own_bytes: bytes.own,
            retained_bytes: bytes.retained,
            shared_bytes: bytes.shared,
        }
    });
    let links = reading.inventory.links.iter().filter_map(|link| {
        Some(NetworkLink {
            from: graph.node(&link.from)?,
            to: graph.node(&link.to),
            target: link.to.to_string(),
            link: link.kind.name().to_owned(),
            holds: link.kind.holds(),
            evidence: link.evidence.to_string(),
        })
    });
    Network {
        schema_version: SCHEMA_VERSION,
        as_of: reading.options.now.to_string(),
        nodes: nodes.collect(),
        links: links.collect(),
    }
}
