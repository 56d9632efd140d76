#!/bin/bash
# make-store.sh TARGET INODES: the recorded data root of an engine with containerd's store (fixtures/containerd), its
# snapshots filled up with empty files, four to a directory.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
tar --zstd -xf fixtures/containerd/root.tar.zst -C "$1"
python3 - "$1" "$2" <<'EOF_PY'
import glob, os, sys

target, wanted = sys.argv[1], int(sys.argv[2])
layers = sorted(glob.glob(f"{target}/containerd/io.containerd.snapshotter.v1.*/snapshots/*/fs"))
for layer in layers:
    for number in range(wanted // len(layers) // 5):
        at = f"{layer}/filled/part-{number % 40}/directory-{number}"
        os.makedirs(at)
        for name in range(4):
            open(f"{at}/file-of-usual-length-{name}", "w").close()
EOF_PY
touch "$1/full"
