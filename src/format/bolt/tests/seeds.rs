//! The drawn databases that a fuzzer starts from lie in `fuzz/corpus/bolt`. They are written by `UPDATE_SEEDS=1 cargo test`.

use std::fs;
use std::path::Path;

use super::sketch::{PAGE, Sketch, bucket, inline, plain, sample};

fn many_pages() -> Vec<u8> {
    let mut sketch = Sketch::new(PAGE);
    let keys: Vec<String> = (0..60).map(|n| format!("k{n:02}")).collect();
    let floor: Vec<(&str, u64)> = keys
        .chunks(12)
        .map(|keys| {
            let items: Vec<_> = keys.iter().map(|key| (key.as_str(), plain(key))).collect();
            (keys[0].as_str(), sketch.leaf(&items))
        })
        .collect();
    let middle: Vec<(&str, u64)> = floor.chunks(2).map(|pages| (pages[0].0, sketch.branch(pages))).collect();
    let root = sketch.branch(&middle);
    let top = sketch.leaf(&[("all", bucket(root, 60))]);
    sketch.seal(top)
}

fn nested() -> Vec<u8> {
    let mut sketch = Sketch::new(PAGE);
    let mut page = sketch.leaf(&[("a", inline(0, &[("k", plain("v"))])), ("b", plain([b'x'; 600]))]);
    for level in 0..6 {
        page = sketch.leaf(&[("a", bucket(page, level)), ("b", plain("value"))]);
    }
    sketch.seal(page)
}

fn lattice() -> Vec<u8> {
    let mut sketch = Sketch::new(PAGE);
    let mut page = sketch.leaf(&[("a", plain(""))]);
    for _ in 0..5 {
        page = sketch.branch(&[("a", page), ("b", page)]);
    }
    let top = sketch.next();
    sketch.leaf(&[("lattice", bucket(page, 0)), ("self", bucket(top, 0))]);
    sketch.seal(top)
}

#[test]
fn drawn_seeds_are_in_the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/bolt");
    let seeds = [("sample", sample()), ("many-pages", many_pages()), ("nested", nested()), ("lattice", lattice())];
    for (name, bytes) in seeds {
        let at = folder.join(format!("drawn-{name}"));
        if std::env::var_os("UPDATE_SEEDS").is_some() {
            fs::write(&at, &bytes).unwrap();
        }
        assert!(fs::read(&at).is_ok_and(|seed| seed == bytes), "{} is not what is drawn", at.display());
    }
}
