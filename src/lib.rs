//! deadweight reads a Docker host's disk as it lies there and says who owns every byte, and why it is kept.
//!
//! Bytes on disk become words, words become claims, claims become a graph and a ledger, those become findings,
//! findings become a report. Imports go down this list, data goes up it (`ARCHITECTURE.md`).

pub mod cli;
pub mod disk; // F2
pub mod docker; // F6
pub mod explain; // F6
pub mod finding; // F6
pub mod format; // F1
pub mod graph; // F5
pub mod inventory; // F3
pub mod render; // F9
pub mod report; // F8
pub mod store; // F4
pub mod terms; // F0
pub mod usage; // F5 // F10
