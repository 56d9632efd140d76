//! The reference graph for Graphviz: roots in boxes, what nothing keeps in grey, sizes in the labels.

use std::io::{self, Write};

use super::Paper;
use crate::report::{Network, NetworkNode};

pub fn dot(network: &Network, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph deadweight {{")?;
    writeln!(out, "  rankdir=LR; node [fontname=\"sans-serif\", fontsize=10, shape=ellipse];")?;
    for node in &network.nodes {
        writeln!(out, "  n{} [label={}{}];", node.node, quoted(&label(node, paper)), style(node))?;
    }
    for link in &network.links {
        let dashed = if link.holds { "" } else { ", style=dashed" };
        if let Some(to) = link.to {
            writeln!(out, "  n{} -> n{to} [label={}{dashed}];", link.from, quoted(&link.link))?;
        }
    }
    writeln!(out, "}}")
}

fn label(node: &NetworkNode, paper: &Paper) -> String {
    let name = if node.name.is_empty() { paper.text(&node.id) } else { paper.plain(&node.name) };
    format!("{}\n{name}\n{}", node.kind, paper.size(node.own_bytes))
}

fn style(node: &NetworkNode) -> &'static str {
    match (&node.keeps, node.live) {
        (Some(_), _) => ", shape=box, style=bold",
        (None, true) => "",
        (None, false) => ", color=grey, fontcolor=grey",
    }
}

/// A quoted string of the DOT language.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
