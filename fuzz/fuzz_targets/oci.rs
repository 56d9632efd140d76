//! `cargo +nightly fuzz run oci`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| deadweight::format::fuzz::fuzz_oci(data));
