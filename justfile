# The gate, and the long ways round.

default: check

# everything a change must pass
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
    cargo deny check bans licenses sources

# the whole live campaign; needs root, dockerd, and a newer engine in a tree of its own (.ci/engine-tree makes it)
live seed="1":
    DEADWEIGHT_LIVE=full DEADWEIGHT_SEED={{seed}} REQUIRE_ENGINE=1 cargo test --release --test live -- --nocapture

# fuzz one target for some seconds (nightly toolchain and cargo-fuzz)
fuzz target="bolt" seconds="3600":
    cd fuzz && cargo +nightly fuzz run {{target}} -- -max_total_time={{seconds}}

# record a fixture again (see fixtures/README.md)
fixture name:
    fixtures/record.sh {{name}}

# ratios beside du and diskus on generated trees (docs/performance.md)
bench:
    benches/beside-du.sh
