//! `docker system df -v`: four tables. cli/command/formatter/disk_usage.go verboseWriteTable.

use super::cells::{command, image, short, shown};
use super::table::Table;
use crate::docker::cache::CacheRow;
use crate::docker::df::{ContainerRow, DiskUsage, ImageRow};
use crate::docker::df_json::{Setting, names, status};
use crate::docker::seen::{Reference, Triple};
use crate::docker::units::{ago, ago_from_second, human, human_short};

/// Until here the size of an image had four digits. cli/command/formatter/disk_usage.go (24.0).
const SHORT_IMAGE_SIZE: Triple = (24, 0, 0);

/// All four tables.
pub fn verbose(df: &DiskUsage<'_>, setting: &Setting) -> String {
    let [images, containers] = [images(df, setting), containers(df, setting)].map(|table| table.print());
    let [volumes, cache] = [volumes(df), cache(df, setting)].map(|table| table.print());
    let used = human(df.cache_total().size);
    format!(
        "Images space usage:\n\n{images}\nContainers space usage:\n\n{containers}\nLocal Volumes space usage:\n\n{volumes}\nBuild cache usage: {used}\n\n{cache}"
    )
}

fn images(df: &DiskUsage<'_>, setting: &Setting) -> Table {
    let mut table =
        Table::new(&["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"]);
    for row in &df.images {
        let Some((repository, tag)) = first_name(row) else { continue };
        table.row(vec![
            repository,
            tag,
            short(&row.id),
            ago_from_second(setting.now, row.created),
            if df.version < SHORT_IMAGE_SIZE { human(row.size) } else { human_short(row.size) },
            human(row.shared),
            human(row.unique()),
            row.containers.to_string(),
        ]);
    }
    table
}

/// Of several tags the first; digests are not shown. A name that is no reference leaves the row out.
fn first_name(row: &ImageRow<'_>) -> Option<(String, String)> {
    let none = || ("<none>".to_owned(), "<none>".to_owned());
    let Some(first) = row.tags.first() else { return Some(none()) };
    Reference::parse_name(first)?;
    let named = first.split('@').next().unwrap_or_default();
    let tag = named.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    Some(tag.map_or_else(none, |(name, tag)| (shown(name), shown(tag))))
}

fn containers(df: &DiskUsage<'_>, setting: &Setting) -> Table {
    let mut table =
        Table::new(&["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"]);
    let names = names(&df.containers);
    for row in &df.containers {
        let facts = row.container.facts;
        table.row(vec![
            short(&row.key.id),
            image(&row.image, facts.image.as_ref().map_or("", |id| id.as_str())),
            command(&crate::docker::df_json::command(facts)),
            local_volumes(row).to_string(),
            human_short(row.size_rw),
            ago_from_second(setting.now, row.created),
            status(facts, setting),
            own_name(names.get(row.key).into_iter().flatten()),
        ]);
    }
    table
}

fn local_volumes(row: &ContainerRow<'_>) -> usize {
    row.container.facts.mounts.iter().filter(|mount| mount.driver == "local").count()
}

/// The first that is not a link's.
fn own_name<'n>(mut names: impl Iterator<Item = &'n String>) -> String {
    let own = names.find_map(|name| name.strip_prefix('/').filter(|name| !name.contains('/')));
    own.map_or_else(String::new, shown)
}

fn volumes(df: &DiskUsage<'_>) -> Table {
    let mut table = Table::new(&["VOLUME NAME", "LINKS", "SIZE"]);
    for row in &df.volumes {
        table.row(vec![shown(&row.key.id), row.references().to_string(), human(row.size)]);
    }
    table
}

fn cache(df: &DiskUsage<'_>, setting: &Setting) -> Table {
    let mut table = Table::new(&["CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"]);
    let mut rows: Vec<&CacheRow> = df.cache.iter().collect();
    rows.sort_by_key(|row| (row.last_used_at, &row.id));
    for row in rows {
        let in_use = if row.in_use { "*" } else { "" };
        let created = row.created_at.map_or_else(|| ago_from_second(setting.now, i64::MIN), |at| ago(setting.now, at));
        table.row(vec![
            format!("{}{in_use}", short(&row.id)),
            shown(&row.record_type),
            human_short(row.size.value()),
            created,
            row.last_used_at.map_or_else(String::new, |at| ago(setting.now, at)),
            row.usage_count.to_string(),
            row.shared.to_string(),
        ]);
    }
    table
}
