//! Claims made ready for the walk. For each claimed place: the account of its own inode, and the account of what lies
//! below it unclaimed. An account is an owner together with the meters that run, so that one addition serves both.

use std::borrow::Cow;

use super::Extent;
use super::claims::{Claims, MeterIx, Node, OwnerIx};
use crate::disk::{Disk, Unreadable, Weighed};
use crate::terms::Place;

pub(super) type AccountIx = u32;
pub(super) type NodeIx = u32;

/// Whom to charge, and what measures besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) owner: Option<OwnerIx>,
    /// The innermost of the meters that run, plus one; zero if none does.
    meters: u32,
}

/// Where a claimed place charges to.
#[derive(Clone, Copy, Debug, Default)]
struct Spot {
    itself: AccountIx,
    below: AccountIx,
    /// At or below a mount point.
    hidden: bool,
}

#[derive(Debug)]
pub(super) struct Chart<'a> {
    claims: Cow<'a, Claims>,
    spots: Vec<Spot>,
    accounts: Vec<Account>,
    /// A meter, and the one it runs in.
    meters: Vec<(MeterIx, u32)>,
}

impl<'a> Chart<'a> {
    pub(super) fn of(claims: &'a Claims, disk: &Disk) -> Self {
        let mut claims = Cow::Borrowed(claims);
        for tree in disk.trees() {
            for mount in tree.mounts() {
                claims.to_mut().skip(&Place::tree(tree.name()).join(&mount.inside), &mount.fs_type);
            }
        }
        for (at, why) in disk.injected() {
            claims.to_mut().fault(at, why);
        }
        let spots = vec![Spot::default(); claims.nodes().len()];
        let none = Cow::Owned(Claims::new());
        let mut chart = Self { claims: none, spots, accounts: vec![Account::default()], meters: Vec::new() };
        chart.resolve(&claims);
        Self { claims, ..chart }
    }

    /// From the top down: what a place does not say itself, it has from above.
    fn resolve(&mut self, claims: &Claims) {
        let mut todo: Vec<(usize, AccountIx, bool)> = vec![(0, 0, false)];
        while let Some((at, above, hidden)) = todo.pop() {
            let Some(node) = claims.nodes().get(at) else { continue };
            let hidden = hidden || node.mount;
            let (itself, below) = self.judge(node, claims.meters(at), self.account(above));
            let itself = self.number(itself, &[above]);
            let below = self.number(below, &[above, itself]);
            if let Some(slot) = self.spots.get_mut(at) {
                *slot = Spot { itself, below, hidden };
            }
            todo.extend(node.children().map(|child| (child, below, hidden)));
        }
    }

    fn judge(&mut self, node: &Node, own: &[MeterIx], above: Account) -> (Account, Account) {
        let mut meters = above.meters;
        for meter in own {
            self.meters.push((*meter, meters));
            meters = u32::try_from(self.meters.len()).unwrap_or(u32::MAX);
        }
        let tree = node.claim.filter(|(_, extent)| *extent == Extent::Tree);
        let itself = node.claim.map(|(owner, _)| owner).or(above.owner);
        let below = node.rest.or(tree.map(|(owner, _)| owner)).or(above.owner);
        (Account { owner: itself, meters }, Account { owner: below, meters })
    }

    /// An account's number: that of one at hand if it is the same, else a new one.
    fn number(&mut self, account: Account, at_hand: &[AccountIx]) -> AccountIx {
        at_hand.iter().copied().find(|ix| self.account(*ix) == account).unwrap_or_else(|| {
            self.accounts.push(account);
            u32::try_from(self.accounts.len().saturating_sub(1)).unwrap_or(u32::MAX)
        })
    }

    pub(super) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    pub(super) fn account(&self, ix: AccountIx) -> Account {
        self.accounts.get(ix as usize).copied().unwrap_or_default()
    }

    /// The meters that run for an account, innermost first.
    pub(super) fn meters(&self, account: Account) -> impl Iterator<Item = MeterIx> {
        let mut at = account.meters;
        std::iter::from_fn(move || {
            let (meter, outer) = self.meters.get(at.checked_sub(1)? as usize)?;
            at = *outer;
            Some(*meter)
        })
    }

    /// The node of a name in a directory that has one; `None` for the node above all trees.
    pub(super) fn child(&self, of: Option<NodeIx>, name: &[u8]) -> Option<NodeIx> {
        let node = self.claims.nodes().get(of.unwrap_or(0) as usize)?;
        node.child(name).and_then(|ix| u32::try_from(ix).ok())
    }

    /// The account of a claimed place's own inode.
    pub(super) fn itself(&self, node: NodeIx) -> AccountIx {
        self.spots.get(node as usize).map_or(0, |spot| spot.itself)
    }

    /// The account of what nobody claims below it.
    pub(super) fn below(&self, node: NodeIx) -> AccountIx {
        self.spots.get(node as usize).map_or(0, |spot| spot.below)
    }

    pub(super) fn is_mount(&self, node: NodeIx) -> bool {
        self.claims.nodes().get(node as usize).is_some_and(|node| node.mount)
    }

    pub(super) fn fault(&self, node: NodeIx) -> Option<&Unreadable> {
        self.claims.fault_at(node as usize)
    }

    /// What a directory weighs with all that is in it, if that is known, and nobody is to be told apart there.
    pub(super) fn weighed(&self, node: NodeIx) -> Option<&Weighed> {
        let spot = self.spots.get(node as usize)?;
        self.claims.weighed_at(node as usize).filter(|_| spot.itself == spot.below)
    }

    /// Every mount point, in order.
    pub(super) fn mounts(&self) -> Vec<(Place, String)> {
        let mut mounts = self.claims.mounts().to_vec();
        mounts.sort();
        mounts
    }

    /// Every meter at or below a mount point.
    pub(super) fn hidden_meters(&self) -> impl Iterator<Item = MeterIx> {
        let hidden = self.spots.iter().enumerate().filter(|(_, spot)| spot.hidden);
        hidden.flat_map(|(at, _)| self.claims.meters(at).iter().copied())
    }

    /// Every meter at or below a node: they saw nothing if it could not be entered.
    pub(super) fn meters_below(&self, node: NodeIx) -> Vec<MeterIx> {
        let mut found = Vec::new();
        let mut todo = vec![node as usize];
        while let Some(at) = todo.pop() {
            found.extend(self.claims.meters(at));
            todo.extend(self.claims.nodes().get(at).into_iter().flat_map(Node::children));
        }
        found
    }
}
