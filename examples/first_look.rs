//! `cargo run --release --example first-look [ARGUMENT…]`: the report on a recorded data root whose images were removed by
//! force. Other arguments are the command's own (`df`, `why …`, `report --format json`); `--root` is given already.

#[path = "../fixtures/unpack.rs"]
mod unpack;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

fn main() -> std::io::Result<ExitCode> {
    let under = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fixtures");
    let root = unpack::unpacked("forced-rmi", &under)?.join("docker");
    eprintln!("A recorded data root, unpacked: {}\n", root.display());
    let mut args: Vec<OsString> = std::env::args_os().collect();
    args.splice(1..1, ["--root".into(), root.into_os_string()]);
    Ok(deadweight::cli::main_with(args))
}
