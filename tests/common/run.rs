//! Runs one command line as the binary would, in this process.

// Each test binary uses what it needs.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use deadweight::cli::{self, Exit};
use serde_json::Value;

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) exit: Exit,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).expect("the answer is text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.out).unwrap_or_else(|cause| panic!("{cause}: {} {}", self.err, self.text()))
    }
}

/// A moment after every recording was made.
pub(crate) const NOW: &str = "2026-12-01T00:00:00Z";

/// Runs with the roots that lie in `dir`: `docker`, and `containerd` where there is one.
pub(crate) fn deadweight(dir: &Path, args: &[&str]) -> Said {
    deadweight_now(dir, &[&["--now", NOW], args].concat())
}

/// The same, by the clock.
pub(crate) fn deadweight_now(dir: &Path, args: &[&str]) -> Said {
    let mut line: Vec<OsString> = vec!["deadweight".into(), "--root".into(), dir.join("docker").into()];
    if dir.join("containerd").is_dir() {
        line.extend(["--containerd-root".into(), dir.join("containerd").into()]);
    }
    line.extend(args.iter().map(OsString::from));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = cli::run(line, &mut out, &mut err);
    Said { exit, out, err: String::from_utf8_lossy(&err).into_owned() }
}

pub(crate) fn report(dir: &Path) -> Value {
    deadweight(dir, &["report", "--format", "json"]).json()
}

/// Allocated bytes, apparent bytes and inodes of everything below some directories, each inode once: what `du -sc` counts.
pub(crate) fn weigh(tops: &[&Path]) -> (u64, u64, u64) {
    let mut met = BTreeSet::new();
    let mut sum = (0, 0, 0);
    for top in tops.iter().filter(|top| top.exists()) {
        for entry in walkdir::WalkDir::new(top) {
            let stat = entry.unwrap().metadata().unwrap();
            if met.insert((stat.dev(), stat.ino())) {
                sum = (sum.0 + stat.blocks() * 512, sum.1 + stat.size(), sum.2 + 1);
            }
        }
    }
    sum
}

/// Every byte has exactly one owner.
pub(crate) fn assert_byte_law(dir: &Path, report: &Value, about: &str) {
    let (bytes, apparent, inodes) = weigh(&[&dir.join("docker"), &dir.join("containerd")]);
    let totals = &report["totals"];
    assert_eq!(totals["on_disk_bytes"], bytes, "{about}: bytes");
    assert_eq!(totals["apparent_bytes"], apparent, "{about}: apparent bytes");
    assert_eq!(totals["inodes"], inodes, "{about}: inodes");
    let sum =
        |field: &str| report["owners"].as_array().unwrap().iter().map(|o| o[field].as_u64().unwrap()).sum::<u64>();
    for field in ["on_disk_bytes", "apparent_bytes", "inodes"] {
        assert_eq!(totals[field], sum(field), "{about}: the owners' {field} do not add up");
    }
    let counted = report["owners"].as_array().unwrap().iter().filter(|o| o["in_docker_df"] == true);
    assert_eq!(
        totals["docker_df_bytes"],
        counted.map(|o| o["on_disk_bytes"].as_u64().unwrap()).sum::<u64>(),
        "{about}"
    );
}

/// A report for which reading one place fails with an error number.
pub(crate) fn report_with_fault(dir: &Path, place: &str, errno: i32) -> Value {
    use deadweight::report::{Analysis, Options, Reading};
    let options = Options {
        root: Some(dir.join("docker")),
        containerd_root: Some(dir.join("containerd")).filter(|path| path.is_dir()),
        faults: vec![(deadweight::terms::Place::parse(place.as_bytes()).unwrap(), errno)],
        ..Options::at(NOW.parse().unwrap())
    };
    let reading = Reading::of(options, &|_, _| {}).unwrap();
    serde_json::to_value(deadweight::report::report(&Analysis::of(&reading))).unwrap()
}
