//! F11: arguments, exit codes, progress; one file for each subcommand.

mod api;
mod args;
mod check;
mod df;
mod exit;
mod graph;
mod ls;
mod plan;
mod plugin;
mod progress;
mod reclaim;
mod report;
mod run;
mod status;
mod whatif;
mod why;

use std::io::{self, Write};
use std::process::ExitCode;

pub use exit::Exit;

/// The process: real arguments, real streams.
pub fn main() -> ExitCode {
    main_with(std::env::args_os().collect())
}

/// The process with other arguments, the first being the program's name.
pub fn main_with(args: Vec<std::ffi::OsString>) -> ExitCode {
    crate::disk::raise_file_limit();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let exit = run(args, &mut out, &mut io::stderr());
    ExitCode::from(exit as u8)
}

/// Runs one command line; data to `out`, talk to `err`.
pub fn run(args: Vec<std::ffi::OsString>, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let (args, globals) = plugin::unwrap(args);
    let done = run::run(args, &globals, out, err).and_then(|exit| out.flush().map(|()| exit));
    match done {
        Ok(exit) => exit,
        // `deadweight … | head`: whoever reads has seen enough
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(cause) => {
            let _ = writeln!(err, "deadweight: cannot write the answer: {cause}");
            Exit::Unreadable
        }
    }
}
