//! Images without a tag that other images were built on. They cost next to nothing and go with the last of those.

use super::words::{count, size};
use super::{Case, Finding, Remedy, Rule, Severity, dangling_image};
use crate::terms::{Key, LinkKind};

const CLASS: &str = "intermediate-image";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: dangling_image::IMAGES, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        let between = seen.images.iter().filter(|(_, image)| image.is_intermediate());
        let images: Vec<&Key> = between.map(|(key, _)| *key).collect();
        if images.is_empty() {
            continue;
        }
        let base = case.finding(CLASS, &case.owners_of(images.iter().copied()));
        let cause = format!(
            "{} {} no tag and stay{} only because other images were built on {} (the steps of a classic build, or a parent that was \
             untagged): {} of their own, since their layers are their children's.",
            count(images.len(), "image", "images"),
            if images.len() == 1 { "has" } else { "have" },
            if images.len() == 1 { "s" } else { "" },
            if images.len() == 1 { "it" } else { "them" },
            size(base.on_disk_bytes),
        );
        let built_on = |image: &&Key| {
            let above = case.graph.holders(image).filter(|(_, edge)| edge.kind == LinkKind::BuiltOn);
            above.map(|(_, edge)| edge.evidence.to_string()).collect::<Vec<_>>()
        };
        let mut evidence: Vec<String> = images.iter().flat_map(built_on).collect();
        evidence.extend(images.first().map(|image| dangling_image::evidence(case, image)));
        let note = "No Docker command removes them by themselves; each goes with the last image that was built on it."
            .to_owned();
        findings.push(Finding {
            severity: Severity::Info,
            objects: images.into_iter().cloned().collect(),
            cause,
            evidence,
            remedy: Remedy { commands: Vec::new(), note },
            ..base
        });
    }
    findings
}
