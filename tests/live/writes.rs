//! A database that containerd writes to without a pause: each state that is read is one that was written, whole, and none
//! comes back after a later one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deadweight::format::bolt::{Bolt, LiveError, read_stable};
use deadweight::terms::Kind;

use crate::engine::Engine;
use crate::{stored, tree};

const DATABASE: &str = "containerd/io.containerd.metadata.v1.bolt/meta.db";
const IMAGES: [&str; 3] = ["docker.io/library/base:1", "docker.io/library/keep:1", "docker.io/library/runtime:1"];

/// Gives an image two labels of one value, in one transaction, and the next value after that, until told to stop.
fn write(engine: &Engine, image: &str, stop: &AtomicBool) -> u64 {
    let socket = engine.dir().join("run/containerd/containerd.sock");
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        written += 1;
        let mut ctr = engine.client("ctr");
        ctr.arg("--address").arg(&socket).args(["--namespace", "moby", "images", "label", image]);
        let out = ctr.args([format!("first={written}"), format!("second={written}")]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    written
}

fn read(engine: &Engine) -> Result<Bolt, LiveError> {
    let path = engine.dir().join(DATABASE);
    read_stable(8, |len| {
        let mut bytes = Vec::new();
        File::open(&path)?.take(len as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// The value of both labels of each image.
fn values(bolt: &Bolt) -> BTreeMap<&'static str, u64> {
    let tree = bolt.read();
    assert!(tree.is_whole(), "{:?}", tree.damage().map(|it| it.to_string()).collect::<Vec<_>>());
    let images = tree.at(&[&b"v1"[..], b"moby", b"images"]).expect("the namespace has images");
    let value = |image: &'static str| {
        let labels = images.bucket(image.as_bytes()).expect("an image is there").bucket(b"labels");
        let label = |name: &[u8]| std::str::from_utf8(labels?.get(name)?).unwrap().parse().ok();
        let (first, second) = (label(b"first"), label(b"second"));
        assert_eq!(first, second, "{image}: two labels of one transaction");
        (image, first.unwrap_or(0))
    };
    IMAGES.into_iter().map(value).collect()
}

#[test]
fn a_database_under_constant_writes_is_never_read_wrong() {
    if let Some(why) = tree::absent() {
        println!("{why}");
        return;
    }
    let engine = Engine::start_stored(false);
    engine.recipe("containerd");
    let tags = || -> BTreeSet<String> {
        let inventory = stored::survey(&engine);
        let lost: Vec<_> = inventory.problems.iter().filter(|it| it.code != "changing-database").collect();
        assert!(lost.is_empty(), "{lost:?}");
        let is_settled = inventory.problems.is_empty();
        let all = inventory.of_kind(Kind::Tag).map(|(key, _)| key.id.to_string()).collect();
        if is_settled { all } else { BTreeSet::new() }
    };
    let known = tags();
    assert!(known.len() >= 3, "{known:?}");
    let full = std::env::var("DEADWEIGHT_LIVE").is_ok_and(|word| word == "full");
    let end = Instant::now() + Duration::from_secs(if full { 300 } else { 20 });
    let stop = AtomicBool::new(false);
    let (mut states, mut reads, mut surveys, mut unsettled) = (BTreeSet::new(), 0_u32, 0_u32, 0_u32);
    let written: u64 = std::thread::scope(|scope| {
        let writers = IMAGES.map(|image| {
            scope.spawn({
                let (engine, stop) = (&engine, &stop);
                move || write(engine, image, stop)
            })
        });
        let mut last = BTreeMap::new();
        while Instant::now() < end {
            reads += 1;
            match read(&engine) {
                Ok(bolt) => {
                    let now = values(&bolt);
                    let is_later = last.iter().all(|(image, value)| now[image] >= *value);
                    assert!(is_later, "{last:?}, and then {now:?}");
                    states.insert(bolt.txid());
                    last = now;
                }
                // a file that does not rest is an answer, too, and never a wrong one
                Err(_) => unsettled += 1,
            }
            if reads.is_multiple_of(10) {
                let tags = tags();
                assert!(tags.is_empty() || tags == known, "{known:?}, and then {tags:?}");
                surveys += u32::from(!tags.is_empty());
            }
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    println!(
        "{written} labels written; {reads} readings of {} states, {unsettled} without an answer, {surveys} surveys",
        states.len()
    );
    assert!(states.len() >= 10 && surveys >= 3 && unsettled < reads / 2, "too little was read to say anything of it");
}
