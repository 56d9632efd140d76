//! `--api-version`: the engine's answers as they were in an older API.

use crate::docker::EngineVersion;
use crate::docker::api::Api;

/// A version as typed.
pub(super) fn parse(text: &str) -> Result<Api, String> {
    Api::parse(text).ok_or_else(|| format!("--api-version {text}: not a version such as 1.51"))
}

/// The version that is asked for, if this engine answers in it.
pub(super) fn spoken(asked: Option<&str>, engine: EngineVersion) -> Result<Option<Api>, String> {
    let Some(text) = asked else { return Ok(None) };
    let api = parse(text)?;
    let (oldest, newest) = (Api::oldest(engine.triple()), Api::newest(engine.triple()));
    if (oldest..=newest).contains(&api) {
        return Ok(Some(api));
    }
    Err(format!(
        "--api-version {api}: engine {engine} answers in {oldest} to {newest}; another engine: --engine VERSION"
    ))
}
