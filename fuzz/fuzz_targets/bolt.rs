//! `cargo +nightly fuzz run bolt`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| deadweight::format::fuzz::fuzz_bolt(data));
