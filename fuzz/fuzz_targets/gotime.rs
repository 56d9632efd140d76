//! `cargo +nightly fuzz run gotime`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| deadweight::format::fuzz::fuzz_gotime(data));
