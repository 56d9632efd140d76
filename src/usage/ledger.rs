//! The ledger: what the walk added up, settled among owners and meters.

use super::chart::{Account, Chart};
use super::links::Shared;
use super::walk::Walked;
use super::{MeterIx, OwnerIx};
use crate::disk::Sum;
use crate::terms::{Place, Problem};

/// What an owner is charged for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// `st_blocks` x 512, as `du` counts.
    pub allocated: u64,
    /// `st_size` of every inode, directories too.
    pub apparent: u64,
    pub inodes: u64,
    /// Allocated bytes of the inodes to which this owner and at least one other link, whichever of them is charged.
    /// Of the total: each such inode once. Links outside the trees do not make an inode shared.
    pub shared: u64,
}

/// What lies at one place and below, whoever owns it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Go's `directory.Size`, which the engine uses: `st_size` of all but directories, an inode once. (The engine tells
    /// inodes apart by their number alone; that differs only where one place spans several file systems.)
    pub walked: u64,
    /// `du` of the place, its own directory included, an inode once.
    pub allocated: u64,
    pub inodes: u64,
    /// `st_size` of the symbolic links.
    pub symlink_bytes: u64,
    /// Nothing is there.
    pub missing: bool,
    /// Something below could not be read: the numbers are too small.
    pub unreadable: bool,
    /// It is a mount point, or lies below one, and was not looked at.
    pub behind_mount: bool,
}

/// What everything weighs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By owner number.
    pub owners: Vec<Weight>,
    /// What no claim covers.
    pub unclaimed: Weight,
    /// By meter number.
    pub meters: Vec<Measure>,
    /// The owners and the unclaimed.
    pub total: Weight,
    /// In order of place.
    pub problems: Vec<Problem>,
    /// What is mounted below the trees, with the file system's type.
    pub mounts: Vec<(Place, String)>,
    /// Inodes with more links than were seen: removing all that is here would not free them.
    pub outside_links: u64,
    /// Files and directories that went away between being listed and being weighed.
    pub vanished: u64,
}

impl Ledger {
    fn owner(&mut self, owner: Option<OwnerIx>) -> &mut Weight {
        owner.and_then(|ix| self.owners.get_mut(ix as usize)).unwrap_or(&mut self.unclaimed)
    }

    fn charge(&mut self, owner: Option<OwnerIx>, sum: &Sum) {
        self.owner(owner).take(sum);
        self.total.take(sum);
    }

    fn measure(&mut self, meter: MeterIx, by: impl FnOnce(&mut Measure)) {
        if let Some(measure) = self.meters.get_mut(meter as usize) {
            by(measure);
        }
    }
}

impl Weight {
    fn take(&mut self, sum: &Sum) {
        self.allocated = self.allocated.saturating_add(sum.allocated);
        self.apparent = self.apparent.saturating_add(sum.apparent);
        self.inodes = self.inodes.saturating_add(sum.inodes);
    }
}

impl Measure {
    fn take(&mut self, sum: &Sum) {
        self.walked = self.walked.saturating_add(sum.files);
        self.allocated = self.allocated.saturating_add(sum.allocated);
        self.inodes = self.inodes.saturating_add(sum.inodes);
        self.symlink_bytes = self.symlink_bytes.saturating_add(sum.symlinks);
    }
}

pub(super) fn settle(walked: Walked, chart: &Chart<'_>, owners: usize, meters: usize) -> Ledger {
    let mut ledger = Ledger {
        owners: vec![Weight::default(); owners],
        meters: vec![Measure::default(); meters],
        problems: walked.problems,
        mounts: chart.mounts(),
        vanished: walked.vanished,
        ..Ledger::default()
    };
    for (account, (sum, unreadable)) in chart.accounts().iter().zip(walked.sums.finish()) {
        ledger.charge(account.owner, &sum);
        for meter in chart.meters(*account) {
            ledger.measure(meter, |m| {
                m.take(&sum);
                m.unreadable |= unreadable;
            });
        }
    }
    for inode in walked.links.finish() {
        settle_shared(&mut ledger, &inode, chart);
    }
    flag_meters(&mut ledger, &walked.barred, chart);
    ledger.mounts.extend(walked.mounts);
    ledger.mounts.sort();
    ledger.mounts.dedup_by(|later, first| later.0 == first.0);
    ledger.problems.sort();
    ledger
}

/// The smallest owner is charged; each meter that saw it counts it.
fn settle_shared(ledger: &mut Ledger, inode: &Shared, chart: &Chart<'_>) {
    let sum = Sum::of(&inode.mass);
    let accounts: Vec<Account> = inode.accounts().map(|ix| chart.account(ix)).collect();
    let mut owners: Vec<Option<OwnerIx>> = accounts.iter().map(|account| account.owner).collect();
    // nobody comes after everybody
    owners.sort_by_key(|owner| owner.map_or(u64::MAX, u64::from));
    owners.dedup();
    if let Some(first) = owners.first() {
        ledger.charge(*first, &sum);
    }
    if owners.len() > 1 {
        for owner in owners {
            let weight = ledger.owner(owner);
            weight.shared = weight.shared.saturating_add(sum.allocated);
        }
        ledger.total.shared = ledger.total.shared.saturating_add(sum.allocated);
    }
    let mut meters: Vec<MeterIx> = accounts.iter().flat_map(|account| chart.meters(*account)).collect();
    meters.sort_unstable();
    meters.dedup();
    for meter in meters {
        ledger.measure(meter, |m| m.take(&sum));
    }
    ledger.outside_links = ledger.outside_links.saturating_add(u64::from(inode.is_linked_outside()));
}

/// Why a meter saw nothing.
fn flag_meters(ledger: &mut Ledger, barred: &[u32], chart: &Chart<'_>) {
    for meter in barred.iter().flat_map(|node| chart.meters_below(*node)) {
        ledger.measure(meter, |m| m.unreadable = true);
    }
    for meter in chart.hidden_meters() {
        ledger.measure(meter, |m| m.behind_mount = true);
    }
    for m in &mut ledger.meters {
        m.missing = m.inodes == 0 && !m.unreadable && !m.behind_mount;
    }
}
