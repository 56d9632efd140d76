//! As a plugin of the Docker CLI (`docker deadweight …`) the first argument is the plugin's own name.

use std::ffi::OsString;

/// What the Docker CLI asks a plugin for.
pub(super) const METADATA: &str = "docker-cli-plugin-metadata";

/// The arguments without the plugin's name.
pub(super) fn unwrap(mut args: Vec<OsString>) -> Vec<OsString> {
    let as_plugin = args.first().is_some_and(|program| is_plugins(program));
    if as_plugin && args.get(1).is_some_and(|arg| arg == "deadweight") {
        args.remove(1);
    }
    args
}

/// Whether the Docker CLI started us.
pub(super) fn is_plugin() -> bool {
    std::env::args_os().next().is_some_and(|program| is_plugins(&program))
}

fn is_plugins(program: &std::ffi::OsStr) -> bool {
    std::path::Path::new(program).file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"docker-"))
}

/// The answer to `METADATA`.
pub(super) fn metadata() -> serde_json::Value {
    serde_json::json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "deadweight",
        "Version": env!("CARGO_PKG_VERSION"),
        "ShortDescription": "Who owns every byte of the data root, and why it is kept",
    })
}
