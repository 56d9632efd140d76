//! `cargo +nightly fuzz run varint`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| deadweight::format::fuzz::fuzz_varint(data));
