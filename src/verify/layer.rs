//! A layer of a graph driver.

use super::desk::{Desk, TimeIsUp};
use super::examine::Examiner;
use super::habits::{Habits, Whiteouts};
use super::merged;
use super::owners::Shift;
use super::split::{self, Made};
use super::subject::LayerFiles;
use super::tree::Tree;
use super::verdict::{Verdict, What};
use crate::disk::Disk;

pub(super) fn check(desk: &mut Desk<'_>, files: &LayerFiles, verdict: Verdict) -> Verdict {
    let mut verdict = verdict;
    let tree = match Tree::open(desk.disk, &files.content) {
        Ok(tree) => tree,
        Err(halt) => {
            verdict.unchecked(format!("{}: {halt}", files.content));
            return verdict;
        }
    };
    let habits = habits(desk.disk, files);
    let mut examiner = Examiner::new(tree, habits, verdict, files.copy.is_some());
    examiner.changes.begin(desk.disk, &files.content, &files.source.at, (0, 0));
    examiner.open_lowers(desk.disk, &files.lowers);
    if let Err(TimeIsUp) = compare(desk, &mut examiner, files) {
        examiner.verdict.unchecked("the time that was given is over");
    }
    examiner.verdict()
}

fn compare(desk: &mut Desk<'_>, examiner: &mut Examiner, files: &LayerFiles) -> Result<(), TimeIsUp> {
    let made = split::make(desk, examiner, &files.source.at)?;
    if made == Made::Refused {
        return Ok(());
    }
    match &files.copy {
        Some(copy) => merged::finish(desk, examiner, &files.source, copy)?,
        None => {
            examiner.finish();
            examiner.hand_over_weight();
        }
    }
    examiner.judge_changes();
    if let Made::Whole(digest) = &made
        && *digest == files.diff.0
    {
        return Ok(());
    }
    // a file that overlay keeps elsewhere is no file that changed
    if made == Made::Broken && examiner.verdict.differences.is_empty() {
        examiner.verdict.is_not_intact("its stream could not be made whole again");
        return Ok(());
    }
    let changed = split::name_the_changed(desk, examiner, &files.source.at)?;
    if let Made::Whole(digest) = made
        && changed == 0
    {
        let detail =
            format!("its stream has the digest {digest}, and {} says {}", files.entry.join("diff"), files.diff.0);
        examiner.verdict.differs(files.source.at.clone(), What::Record, detail);
    }
    Ok(())
}

fn habits(disk: &Disk, files: &LayerFiles) -> Habits {
    let fuse = &*files.store == "fuse-overlayfs";
    let made_by_a_mount = || {
        let work = files.content.parent().map(|at| at.join("work/work"));
        work.is_some_and(|work| disk.stat(&work).is_ok())
    };
    let shift = Shift::of_root(&files.root, disk, files.entry.parent());
    Habits {
        whiteouts: match (files.copy.is_some(), fuse) {
            (true, _) => Whiteouts::Removed,
            (_, true) if files.source.from_directory => Whiteouts::FuseMount,
            (_, true) => Whiteouts::Files,
            _ => Whiteouts::Overlay,
        },
        shift,
        from_directory: files.source.from_directory,
        times_may_be_cut: false,
        empty_is_none: true,
        none_of_the_administrators: false,
        attributes_may_move: !files.source.from_directory,
        keeps_marks_of_aufs: files.copy.is_none(),
        // moby pkg/archive/archive.go handleTarTypeBlockCharFifo
        no_devices: fuse || shift.is_rootless(),
        through_a_mount: files.copy.is_none() && !files.source.from_directory && made_by_a_mount(),
        fine_times: disk.stat(&files.content).is_ok_and(|stat| stat.ctime.1 != 0),
        top_has_any_owner: false,
        sees_all: disk.tree(files.content.tree_name()).is_some_and(crate::disk::Tree::is_quiet),
    }
}
