//! What the fuzzer runs, run over its corpus, and over damage that is the same each time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use deadweight::format::fuzz::{fuzz_bolt, fuzz_gotime, fuzz_image, fuzz_oci, fuzz_tar, fuzz_tarsplit, fuzz_varint};

type Target = fn(&[u8]);

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A small generator of our own, so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(to) = bytes.get_mut(at..at + value.len()) {
        to.copy_from_slice(value);
    }
}

/// Damages a database of this page size in one way of many. The metas are made valid by the target.
fn damage(bytes: &mut Vec<u8>, page: usize, dice: &mut Dice) {
    const ODD: [u64; 12] = [0, 1, 2, 16, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 52, u64::MAX];
    let pages = bytes.len() / page;
    let (one, other) = (dice.below(pages) * page, dice.below(pages) * page);
    let odd = ODD[dice.below(ODD.len())];
    let near = u64::try_from(dice.below(pages + 2)).unwrap();
    match dice.below(9) {
        // A field of a page's header, or of its table.
        0 => put(bytes, one + [0, 8, 10, 12][dice.below(4)], &odd.to_le_bytes()[..2]),
        1 => put(bytes, one + 16 + dice.below(64) * 4, &odd.to_le_bytes()[..4]),
        2 => put(bytes, one + 16 + dice.below(64) * 4, &near.to_le_bytes()[..4]),
        // A page number anywhere: cycles, lattices, shared pages.
        3 => put(bytes, one + dice.below(page), &near.to_le_bytes()),
        4 => {
            let copy = bytes[one..one + page].to_vec();
            let back = bytes[other..other + page].to_vec();
            put(bytes, other, &copy);
            put(bytes, one, &back);
        }
        5 => {
            // A page under another's number.
            let copy = bytes[one..one + page].to_vec();
            put(bytes, other, &copy);
            put(bytes, other, &u64::try_from(other / page).unwrap().to_le_bytes());
        }
        6 => {
            let at = dice.below(bytes.len());
            put(bytes, at, &[1 << dice.below(8)]);
        }
        7 => put(bytes, dice.below(2) * page + 16 + [16, 24, 40, 48][dice.below(4)], &odd.to_le_bytes()),
        _ => bytes.truncate(dice.below(bytes.len())),
    }
}

fn page_size(bytes: &[u8]) -> usize {
    let field = bytes.get(24..28).map_or([0; 4], |field| field.try_into().unwrap());
    usize::try_from(u32::from_le_bytes(field)).unwrap().clamp(512, 65536)
}

#[test]
fn every_target_survives_its_corpus() {
    let targets: [(&str, Target); 7] = [
        ("bolt", fuzz_bolt),
        ("gotime", fuzz_gotime),
        ("image", fuzz_image),
        ("oci", fuzz_oci),
        ("tar", fuzz_tar),
        ("tarsplit", fuzz_tarsplit),
        ("varint", fuzz_varint),
    ];
    for (name, target) in targets {
        let seeds = corpus(name);
        assert!(!seeds.is_empty(), "{name} has seeds");
        seeds.iter().for_each(|seed| target(seed));
    }
}

#[test]
fn bolt_survives_damage_on_damage() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let seeds: Vec<_> = corpus("bolt").into_iter().filter(|seed| seed.len() >= 4 * page_size(seed)).collect();
    assert!(seeds.len() >= 4);
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        let page = page_size(&bytes);
        for _ in 0..=dice.below(4) {
            if bytes.len() >= 2 * page {
                damage(&mut bytes, page, &mut dice);
            }
        }
        fuzz_bolt(&bytes);
    }
}

#[test]
fn files_of_the_image_stores_survive_damage() {
    texts("image", fuzz_image);
    texts("oci", fuzz_oci);
}

fn texts(name: &str, target: Target) {
    let mut dice = Dice(11);
    let seeds = corpus(name);
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len());
            match dice.below(4) {
                0 => bytes.truncate(at),
                1 => put(&mut bytes, at, &[b"\0\xff{}[]\":,/.\n"[dice.below(12)]]),
                2 => bytes.insert(at, b"{[\"0-.:/"[dice.below(8)]),
                _ => put(&mut bytes, at, &[u8::try_from(dice.roll() & 0xff).unwrap()]),
            }
        }
        target(&bytes);
    }
}

#[test]
fn layers_survive_damage() {
    let mut dice = Dice(11);
    for (name, target) in [("tar", fuzz_tar as Target), ("tarsplit", fuzz_tarsplit)] {
        let seeds = corpus(name);
        for round in 0..20_000 {
            let mut bytes = seeds[round % seeds.len()].clone();
            for _ in 0..=dice.below(6) {
                let at = dice.below(bytes.len());
                match dice.below(4) {
                    0 => bytes.truncate(at),
                    1 => put(&mut bytes, at, &dice.roll().to_le_bytes()[..1]),
                    // digits, quotes, and what a number begins with
                    2 => put(&mut bytes, at, &b"0179\"\\{}-\x80\xff\0. /"[dice.below(15)..][..1]),
                    _ => bytes.extend_from_within(at..),
                }
            }
            bytes.truncate(1 << 16);
            target(&bytes);
        }
    }
}

#[test]
fn small_formats_survive_noise() {
    let mut dice = Dice(7);
    for _ in 0..100_000 {
        let mut bytes: Vec<u8> = (0..dice.below(18)).map(|_| u8::try_from(dice.roll() & 0xff).unwrap()).collect();
        fuzz_varint(&bytes);
        // Half of them begin as a binary time does.
        let version = u8::try_from(dice.below(4)).unwrap();
        if let Some(first) = bytes.first_mut().filter(|_| version < 3) {
            *first = version;
        }
        fuzz_gotime(&bytes);
    }
}
