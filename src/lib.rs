//! deadweight reads a Docker host's disk as it lies there and says who owns every byte, and why it is kept.
//!
//! Bytes on disk become words, words become claims, claims become a graph and a ledger, those become findings,
//! findings become a report. Imports go down this list, data goes up it (`ARCHITECTURE.md`).

pub mod cli; // F11
pub mod disk; // F2
pub mod docker; // F6
pub mod engine; // F10
pub mod explain; // F7
pub mod finding; // F7
pub mod format; // F1
pub mod graph; // F5
pub mod inventory; // F3
pub mod plan; // F8
pub mod render; // F10
pub mod report; // F9
pub mod store; // F4
pub mod terms; // F0
pub mod usage; // F5
pub mod verify; // F5
