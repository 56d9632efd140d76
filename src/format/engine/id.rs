//! `engine-id`: the name that the daemon gave itself.

/// Why bytes are no engine ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes that are neither a UUID nor the older twelve groups of four letters")]
pub struct NoEngineId(usize);

/// Takes a UUID, or the form that engines up to 20.10 derived from their key; nothing else is ever written.
// moby daemon/id.go; up to 23.0 cmd/dockerd/trustkey.go
pub fn parse_engine_id(bytes: &[u8]) -> Result<&str, NoEngineId> {
    let text = std::str::from_utf8(bytes).map_err(|_| NoEngineId(bytes.len()))?;
    let groups = |by: char, lengths: &[usize], digit: fn(&char) -> bool| {
        let parts: Vec<&str> = text.split(by).collect();
        parts.iter().map(|part| part.len()).eq(lengths.iter().copied()) && text.chars().all(|c| c == by || digit(&c))
    };
    let uuid = groups('-', &[8, 4, 4, 4, 12], char::is_ascii_hexdigit);
    let old = groups(':', &[4; 12], char::is_ascii_alphanumeric);
    if uuid || old { Ok(text) } else { Err(NoEngineId(bytes.len())) }
}
