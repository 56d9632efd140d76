//! `cargo +nightly fuzz run tarsplit`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| deadweight::format::fuzz::fuzz_tarsplit(data));
