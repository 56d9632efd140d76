//! What the first start of a container makes beside its two files.
//!
//! ```text
//! containers/<id>/hostname hosts resolv.conf     config.v2.json: HostnamePath, HostsPath, ResolvConfPath
//! containers/<id>/<id>-json.log                  config.v2.json: LogPath, with the driver json-file only
//! containers/<id>/resolv.conf.hash               sha256:<hex> of resolv.conf as the engine wrote it
//! ```
//!
//! The config names them; one that is not there was taken away by somebody, and the engine makes it again. Their
//! content is the container's own to change, so it proves nothing; of the log it is output. A container that shares
//! another's network names the other's files.

use std::path::Path;

use super::vanishes;
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::engine::container::ContainerConfig;
use crate::inventory::Inventory;
use crate::store::Site;
use crate::terms::{Digest, Lost};

pub(super) fn check(inv: &mut Inventory, site: &Site<'_>, dir: &Dir<'_>, config: &ContainerConfig) {
    let made = [
        ("HostnamePath", &config.hostname_path),
        ("HostsPath", &config.hosts_path),
        ("ResolvConfPath", &config.resolv_conf_path),
        ("LogPath", &config.log_path),
    ];
    for (field, path) in made {
        let Some(name) = own_file(dir, path) else { continue };
        let at = dir.place().join(&name);
        let cause = match site.disk.stat(&at) {
            Ok(stat) if stat.kind == FileKind::File => continue,
            Ok(_) => format!("not a file, and config.v2.json names it as {field}"),
            Err(Unreadable::Missing) if vanishes(site, dir, &name) => return,
            Err(Unreadable::Missing) => format!("not there, and config.v2.json names it as {field}"),
            Err(cause) => cause.to_string(),
        };
        inv.problem("missing-file", &at, Lost::Nothing, cause);
    }
    hash(inv, dir);
}

/// The last part of a path in this container's own directory.
fn own_file(dir: &Dir<'_>, path: &str) -> Option<Vec<u8>> {
    let path = Path::new(path);
    let above = path.parent()?.file_name()?;
    let own = dir.place().name() == above.as_encoded_bytes();
    own.then(|| path.file_name().map(|name| name.as_encoded_bytes().to_vec()))?
}

/// It differs from the hash of `resolv.conf` when somebody changed that, which is allowed; a hash it is in any case.
fn hash(inv: &mut Inventory, dir: &Dir<'_>) {
    let name = b"resolv.conf.hash".as_slice();
    if dir.kind(name).is_none() {
        return;
    }
    let cause = match dir.read(name) {
        Ok(bytes) if str::from_utf8(&bytes).is_ok_and(|text| Digest::parse(text.trim_end()).is_some()) => return,
        Err(Unreadable::Missing) => return,
        Ok(_) => "not the hash that the engine writes here".to_owned(),
        Err(cause) => cause.to_string(),
    };
    inv.problem("damaged-file", &dir.place().join(name), Lost::Nothing, cause);
}
