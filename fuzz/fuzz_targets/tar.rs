//! `cargo +nightly fuzz run tar`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| deadweight::format::fuzz::fuzz_tar(data));
