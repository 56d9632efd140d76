//! `repositories.json`: `{"Repositories": {"<familiar name>": {"<familiar reference>": "<image ID>"}}}`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::terms::Digest;

/// One reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub repository: String,
    /// `name:tag` or `name@sha256:…`
    pub reference: String,
    /// None if the value is not an image ID.
    pub image: Option<Digest>,
}

impl Reference {
    pub fn is_digest(&self) -> bool {
        self.reference.contains('@')
    }
}

#[derive(Deserialize)]
struct File {
    // the engine writes it always, if empty: without it this is some other file
    #[serde(rename = "Repositories")]
    repositories: BTreeMap<String, Option<References>>,
}

type References = BTreeMap<String, Option<String>>;

/// Every reference, in order.
pub fn parse(bytes: &[u8]) -> Result<Vec<Reference>, serde_json::Error> {
    let file: File = serde_json::from_slice(bytes)?;
    let mut found = Vec::new();
    for (repository, references) in file.repositories {
        for (reference, image) in references.unwrap_or_default() {
            let image = image.as_deref().and_then(Digest::parse);
            found.push(Reference { repository: repository.clone(), reference, image });
        }
    }
    Ok(found)
}
