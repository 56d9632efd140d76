//! Is the engine that answers the one of this disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::command::{Docker, Failure};
use crate::report::{Analysis, Identity, identity};

/// What the engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    pub id: String,
    pub root: PathBuf,
    pub driver: String,
    pub version: String,
}

/// Why nothing is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    #[error("{0}")]
    Silent(#[from] Failure),
    #[error("the engine does not answer: {0}")]
    Down(String),
    #[error("the engine works on {}, and what was read is {}; `deadweight reclaim --root {}` reads the engine's own", theirs.display(), ours.display(), theirs.display())]
    OtherRoot { theirs: PathBuf, ours: PathBuf },
    #[error("the engine's ID is {theirs}, and engine-id of the disk says {ours}: it is another engine's disk")]
    OtherId { theirs: String, ours: String },
    #[error(
        "the engine works with {theirs}, and what was read is {ours}; `deadweight status` shows why it was taken for the store in use"
    )]
    OtherDriver { theirs: String, ours: String },
    #[error(
        "the engine's {what} are not those of the disk ({theirs} there, {ours} here): it is another engine's disk, or changed meanwhile"
    )]
    OtherObjects { what: &'static str, theirs: usize, ours: usize },
}

/// Asks the engine who it is, and holds that against the disk.
pub fn check(docker: &Docker, analysis: &Analysis<'_>, limit: Duration) -> Result<Engine, NotOurs> {
    let info = docker.ask_json(&["info", "--format", "{{json .}}"], limit)?;
    // a client without an engine answers about itself
    let errors =
        info.get("ServerErrors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).next();
    if let Some(error) = errors {
        return Err(NotOurs::Down(error.chars().take(300).collect()));
    }
    let text = |key: &str| info.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let (Some(root), Some(driver)) = (text("DockerRootDir"), text("Driver")) else {
        return Err(NotOurs::Silent(Failure::Garbage {
            command: docker.line(&["info".to_owned()]),
            cause: "no DockerRootDir or Driver".to_owned(),
            said: info.to_string().chars().take(200).collect(),
        }));
    };
    let engine = Engine {
        id: text("ID").unwrap_or_default(),
        root: root.into(),
        driver,
        version: text("ServerVersion").unwrap_or_default(),
    };
    let ours = identity(analysis);
    compare(docker, analysis, &engine, &ours, limit)?;
    Ok(engine)
}

fn compare(
    docker: &Docker,
    analysis: &Analysis<'_>,
    engine: &Engine,
    ours: &Identity,
    limit: Duration,
) -> Result<(), NotOurs> {
    if !analysis.reading.disk.is_at(&ours.root, Path::new(&engine.root)) {
        let path = analysis.reading.disk.host_path(&ours.root).unwrap_or_default();
        return Err(NotOurs::OtherRoot { theirs: engine.root.clone(), ours: path });
    }
    if engine.driver != ours.driver {
        return Err(NotOurs::OtherDriver { theirs: engine.driver.clone(), ours: ours.driver.clone() });
    }
    match &ours.engine_id {
        Some(id) if *id == engine.id => Ok(()),
        Some(id) => Err(NotOurs::OtherId { theirs: engine.id.clone(), ours: id.clone() }),
        // before 23.0 the disk does not say
        None => {
            same(docker, &["ps", "-aq", "--no-trunc"], "containers", &ours.containers, limit)?;
            match ours.containers.is_empty() {
                true => same(docker, &["images", "-aq", "--no-trunc"], "images", &ours.images, limit),
                false => Ok(()),
            }
        }
    }
}

fn same(
    docker: &Docker,
    words: &[&str],
    what: &'static str,
    ours: &BTreeSet<String>,
    limit: Duration,
) -> Result<(), NotOurs> {
    let answer = docker.ask(words, limit)?;
    let theirs: BTreeSet<String> = answer.split_whitespace().map(str::to_owned).collect();
    if theirs == *ours { Ok(()) } else { Err(NotOurs::OtherObjects { what, theirs: theirs.len(), ours: ours.len() }) }
}
