//! F9: the contract. Every number that is shown is made here, from what the floors below found.

mod analysis;
mod build;
mod check;
mod contract;
mod df;
mod elsewhere;
mod group;
mod hand;
mod list;
mod listed;
mod nested;
mod network;
mod open;
mod plan;
mod reclaim;
mod status;
mod verdict;
mod whatif;
mod why;

pub use analysis::{Analysis, Engine as EngineSeen, Reading};
pub use build::report;
pub use check::{
    Cause, Check, CheckTotals, Checked, Consequence, FileDifference, NestedCheck, Scope, Victim, check, to_check,
    to_check_inside,
};
pub use contract::*;
pub use df::{Df, LeftOut, LeftOutRow, df, no_df};
pub use elsewhere::doubt;
pub use group::{Group, groups};
pub use hand::HandWork;
pub use list::{Lines, List, Listing, PlatformRow, Row, lines, list};
pub use listed::{Beside, Shown, Unlisted, Wanted, engine_list};
pub use nested::{Inner, InnerStatus, Inside, NoSuchRoot, Unread};
pub use network::{Network, NetworkLink, NetworkNode, network};
pub use open::{Cannot, Options};
pub use plan::{HarmPoints, KeptObject, Plan, PlanStep, Target, WithheldObject, plan};
pub use reclaim::{Ended, Identity, Promise, Ran, Reclaim, ReclaimStep, account, changes, identity, promise, refused};
pub use status::{Status, Store, status};
pub use whatif::{Together, WhatIf, WhatIfStep, what_if};
pub use why::{Insides, Teller};
