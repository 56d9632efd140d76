//! The `deadweight` command.
fn main() -> std::process::ExitCode {
    deadweight::cli::main()
}
