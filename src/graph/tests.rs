//! The graph's laws, against brute force.

use proptest::prelude::*;

use super::*;
use crate::inventory::{Entity, Root};
use crate::terms::{Kind, Place};

fn inventory(nodes: usize, roots: &[usize], edges: &[(usize, usize)]) -> Inventory {
    let root = Root::new(Place::tree("docker"));
    let key = |n: usize| root.key("s", Kind::Layer, format!("{n:03}"));
    let mut inv = Inventory::default();
    for n in 0..nodes {
        let thing = Entity { keeps: roots.contains(&n).then_some(Keeps::Tag), ..Entity::default() };
        inv.add(key(n), thing);
    }
    for (from, to) in edges {
        inv.link(&key(*from % nodes), LinkKind::Parent, key(*to % nodes), &root.place);
    }
    inv.seal()
}

proptest! {
    #[test]
    fn retained_is_what_becomes_unreachable(
        roots in proptest::collection::vec(0usize..12, 0..4),
        edges in proptest::collection::vec((0usize..12, 0usize..12), 0..30),
    ) {
        let inv = inventory(12, &roots, &edges);
        let graph = Graph::of(&inv);
        let retained = Retained::of(&graph, |node| 1 << node);
        for (node, key) in graph.keys() {
            let brute: u64 = graph.freed_without(&[node]).iter().map(|n| 1u64 << n).sum();
            prop_assert_eq!(retained.get(node), brute, "{}", key);
        }
    }

    #[test]
    fn removing_more_never_frees_less(
        roots in proptest::collection::vec(0usize..10, 1..5),
        edges in proptest::collection::vec((0usize..10, 0usize..10), 0..25),
        gone in proptest::collection::vec(0usize..10, 1..4),
    ) {
        let inv = inventory(10, &roots, &edges);
        let graph = Graph::of(&inv);
        let all = graph.freed_without(&gone);
        for one in &gone {
            for node in graph.freed_without(&[*one]) {
                prop_assert!(all.contains(&node));
            }
        }
    }

    #[test]
    fn what_stands_after_each_removal_is_what_the_roots_that_are_left_reach(
        roots in proptest::collection::btree_set(0usize..14, 1..8),
        edges in proptest::collection::vec((0usize..14, 0usize..14), 0..40),
        gone in proptest::collection::vec((0usize..14, any::<bool>()), 1..10),
    ) {
        let inv = inventory(14, &roots.iter().copied().collect::<Vec<_>>(), &edges);
        let graph = Graph::of(&inv);
        let mut standing = Standing::of(graph.reach(&[]));
        let (mut left, mut deleted) = (roots, Vec::new());
        for (node, whole) in gone {
            // a root that is one no longer, or a thing that is taken away
            left.remove(&node);
            deleted.extend(whole.then_some(node));
            let was: Vec<bool> = (0..14).map(|node| standing.has(node)).collect();
            let lost = standing.let_go(
                &graph,
                [node],
                |node| left.contains(&node) && !deleted.contains(&node),
                |_, _, to| !deleted.contains(&to),
            );
            let brute = graph.reach_from(left.iter().copied(), &deleted);
            let now: Vec<bool> = (0..14).map(|node| standing.has(node)).collect();
            prop_assert_eq!(&now, &brute);
            let fell: Vec<Node> = (0..14).filter(|node| was[*node] && !now[*node]).collect();
            prop_assert_eq!(lost.into_iter().collect::<Vec<_>>(), fell);
        }
    }

    #[test]
    fn there_is_a_path_to_exactly_what_is_live(
        roots in proptest::collection::vec(0usize..8, 0..4),
        edges in proptest::collection::vec((0usize..8, 0usize..8), 0..16),
    ) {
        let inv = inventory(8, &roots, &edges);
        let graph = Graph::of(&inv);
        for (node, key) in graph.keys() {
            let paths = graph.paths_to(node, 1000);
            prop_assert_eq!(!paths.found.is_empty(), graph.is_live(key));
            for path in &paths.found {
                prop_assert!(path.first().is_some_and(|step| graph.root(step.node).is_some()));
                for pair in path.windows(2) {
                    prop_assert!(graph.below(pair[0].node).iter().any(|edge| edge.other == pair[1].node));
                }
            }
        }
    }
}

#[test]
fn untagged_parent_is_held_by_its_child() {
    let root = Root::new(Place::tree("docker"));
    let (parent, child) = (root.key("s", Kind::Image, "p"), root.key("s", Kind::Image, "c"));
    let mut inv = Inventory::default();
    for key in [&parent, &child] {
        inv.add(key.clone(), Entity::default().kept(Keeps::UntaggedImage));
    }
    inv.link(&child, LinkKind::BuiltOn, parent.clone(), &root.place);
    let inv = inv.seal();
    let graph = Graph::of(&inv);
    assert_eq!(graph.roots().map(|(key, _)| key).collect::<Vec<_>>(), [&child]);
    assert!(graph.is_live(&parent));
    let retained = Retained::of(&graph, |_| 1);
    assert_eq!(graph.node(&child).map(|node| retained.get(node)), Some(2));
}
