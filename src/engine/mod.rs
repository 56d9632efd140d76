//! F10: talks to the engine, through its own command line only: an argument vector, no shell, no standard input, a time limit.
//!
//! ```text
//! command.rs    one run of `docker`          endpoint.rs   which program, which socket
//! identity.rs   is it the engine of this disk
//! act.rs        the steps of a plan, one after the other, each looked after
//! ```

mod act;
mod command;
mod endpoint;
mod identity;
#[cfg(test)]
mod tests;

pub use act::{Act, act};
pub use command::{Docker, Failure, Said};
pub use endpoint::{endpoint, program};
pub use identity::{Engine, NotOurs, check};
