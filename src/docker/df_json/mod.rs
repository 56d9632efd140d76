//! `GET /system/df` as that engine would send it, with the key `Deadweight` besides.
//!
//! ```text
//! to 22   LayersSize Images Containers Volumes BuildCache BuilderSize     images with VirtualSize, cache with Parent
//! 23, 24  LayersSize Images Containers Volumes BuildCache                 images with VirtualSize, cache with " Parents"
//! 25..28  the same                                                        without VirtualSize
//! 29 on   the same, and ImageUsage ContainerUsage VolumeUsage BuildCacheUsage, each with its Items
//! ```
//!
//! Asked for an older API an engine leaves out what came later, as far as it still knows.
//!
//! What only a running daemon knows is told as of an engine that has just been started and runs no container; in lists the
//! state of a container is what the disk says.

mod container;
mod listed;
mod rows;
#[cfg(test)]
pub(in crate::docker) mod tests;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::df::{ContainerRow, DiskUsage, ImageRow, Total};
use super::seen::Triple;
pub(crate) use container::{command, names, status};

/// What the answer depends on besides the disk.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Ages are told as of this time.
    pub now: Timestamp,
    /// What the daemon calls `Docker Root Dir`.
    pub data_root: String,
    /// The API that is spoken; none for the engine's newest.
    pub api: Option<Api>,
    /// What is recorded as running is told so; else as after a start of the engine, which ends it.
    pub as_recorded: bool,
}

impl Setting {
    fn api(&self, engine: Triple) -> Api {
        self.api.unwrap_or_else(|| Api::newest(engine))
    }
}

/// What came with `…Usage`. moby daemon/server/router/system/system_routes.go getDiskUsage.
const USAGE: Api = Api::new(52);
/// From this engine on a sum of nothing is left out, and `Parent` is not known any more.
const SUMMED: Triple = (29, 0, 0);
/// Several parents, and no size of all build cache.
const PARENTS: Api = Api::new(42);
/// From this engine on no build cache is an empty list, and `Parent` is never told.
const SINCE_23: Triple = (23, 0, 0);

/// The answer, with what Docker leaves out under `Deadweight`.
pub fn answer(df: &DiskUsage<'_>, setting: &Setting, deadweight: Value) -> Value {
    let api = setting.api(df.version);
    let images: Vec<Value> = df.images.iter().map(|row| rows::image(row, df.version, api)).collect();
    let names = container::names(&df.containers);
    let containers: Vec<Value> =
        df.containers.iter().map(|row| container::summary(row, &names, df.version, setting)).collect();
    let volumes: Vec<Value> = df.volumes.iter().map(|row| rows::volume(row, setting)).collect();
    let cache: Vec<Value> = df.cache.iter().map(|row| rows::cache(row, df.version, api)).collect();
    let mut out = Map::new();
    if api >= USAGE {
        out.insert("ImageUsage".into(), usage(df.image_total(), &images));
        out.insert("ContainerUsage".into(), usage(df.container_total(), &containers));
        out.insert("VolumeUsage".into(), usage(df.volume_total(), &volumes));
        out.insert("BuildCacheUsage".into(), usage(df.cache_total(), &cache));
    }
    if df.version < SUMMED || df.layers_size != 0 {
        out.insert("LayersSize".into(), json!(df.layers_size));
    }
    out.insert("Images".into(), images.into());
    out.insert("Containers".into(), containers.into());
    out.insert("Volumes".into(), volumes.into());
    // moby api/server/router/system: before 23.0 the builder's list was sent as it came, and none is null
    let none = cache.is_empty() && df.version < SINCE_23;
    out.insert("BuildCache".into(), if none { Value::Null } else { cache.into() });
    if api < PARENTS && df.version < SUMMED {
        let all = df.cache.iter().map(|row| row.size.value()).fold(0, i64::saturating_add);
        // from 23.0 on left out if it is zero
        if all != 0 || df.version < SINCE_23 {
            out.insert("BuilderSize".into(), json!(all));
        }
    }
    out.insert("Deadweight".into(), deadweight);
    Value::Object(out)
}

/// The rows of `GET /images/json?all=1&shared-size=1&manifests=1`.
pub fn images(rows: &[ImageRow<'_>], version: Triple, setting: &Setting) -> Vec<Value> {
    rows.iter().map(|row| listed::image(row, version, setting.api(version))).collect()
}

/// The rows of `GET /containers/json?all=1&size=1`.
pub fn containers(rows: &[ContainerRow<'_>], version: Triple, setting: &Setting) -> Vec<Value> {
    let names = container::names(rows);
    let summary = |row| container::summary(row, &names, version, setting);
    rows.iter().map(|row| listed::container(summary(row), row, version, setting)).collect()
}

/// A summary; what is zero or empty is left out.
fn usage(total: Total, items: &[Value]) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: i64| {
        if value != 0 {
            out.insert(name.into(), json!(value));
        }
    };
    put("ActiveCount", count(total.active));
    put("TotalCount", count(total.total));
    put("TotalSize", total.size);
    put("Reclaimable", total.reclaimable);
    if !items.is_empty() {
        out.insert("Items".into(), items.into());
    }
    Value::Object(out)
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}
