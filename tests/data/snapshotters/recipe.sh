#!/bin/bash
# What containerd 2.1 writes with the snapshotters that Docker does not use by itself: btrfs, blockfile, erofs, native.
#   recipe.sh DIR    as root, in a mount namespace of its own (unshare -m), with containerd, ctr, mkfs.btrfs, mkfs.ext4,
#                    mkfs.erofs and python3 in PATH. DIR/root.tar.zst and DIR/said.json are what is kept.
# All four work in one containerd whose root is on btrfs. Nothing is pulled; what is in the images is made here.
set -eu
dir=$1 root=$1/root/containerd said=$1/said
mkdir -p "$root" "$1/root/docker" "$said"
truncate -s 200M "$dir/btrfs.img"
mkfs.btrfs -q -f "$dir/btrfs.img"
mount -o loop "$dir/btrfs.img" "$root"
truncate -s 256K "$dir/scratch"
mkfs.ext4 -q -F -O ^has_journal -N 64 -m 0 "$dir/scratch"
python3 - "$dir" <<'P'
import hashlib, io, json, sys, tarfile

def layer(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, data in entries:
            it = tarfile.TarInfo(name)
            it.mtime, it.type, it.mode = 1700000000, kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
            if kind == tarfile.REGTYPE:
                it.size = len(data)
                tar.addfile(it, io.BytesIO(data))
            else:
                it.linkname = data
                tar.addfile(it)
    return out.getvalue()

D, F, H, L = tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE
layers = [
    layer([("etc", D, ""), ("etc/base", F, b"base\n" * 3000), ("etc/link", H, "etc/base"), ("bin", D, ""),
           ("bin/x", F, bytes(range(256)) * 40), ("bin/y", L, "x")]),
    layer([("data", D, ""), ("data/big", F, b"big " * 10000), ("etc/.wh.link", F, b"")]),
    layer([("etc", D, ""), ("etc/top", F, b"top")]),
]
digest = lambda data: "sha256:" + hashlib.sha256(data).hexdigest()
chain = [digest(layers[0])]
for it in layers[1:]:
    chain.append(digest(f"{chain[-1]} {digest(it)}".encode()))
open(sys.argv[1] + "/top", "w").write(chain[-1])
for name, of in [("base", layers[:1]), ("app", layers)]:
    config = json.dumps({"architecture": "amd64", "os": "linux", "created": "2023-11-14T22:13:20Z", "config": {"Labels": {"n": name}},
                         "rootfs": {"type": "layers", "diff_ids": [digest(it) for it in of]}}).encode()
    files = {it: f"{digest(it)[7:]}.tar" for it in of}
    manifest = [{"Config": "config.json", "RepoTags": [f"docker.io/library/{name}:1"], "Layers": [files[it] for it in of]}]
    with tarfile.open(f"{sys.argv[1]}/{name}.tar", "w") as tar:
        for path, data in [("config.json", config), *((path, it) for it, path in files.items()), ("manifest.json", json.dumps(manifest).encode())]:
            it = tarfile.TarInfo(path)
            it.size = len(data)
            tar.addfile(it, io.BytesIO(data))
P
cat > "$dir/config.toml" <<X
version = 2
root = "$root"
state = "/run/snapshotters"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
[grpc]
  address = "/run/snapshotters.sock"
[plugins."io.containerd.snapshotter.v1.blockfile"]
  scratch_file = "$dir/scratch"
  fs_type = "ext4"
X
containerd --config "$dir/config.toml" > "$dir/log" 2>&1 &
daemon=$!
ctr="ctr -a /run/snapshotters.sock -n moby"
until $ctr version > /dev/null 2>&1; do sleep 0.1; done
write() { # SNAPSHOT COMMANDS: what a container would do
    mkdir -p /run/here
    $ctr snapshot --snapshotter "$s" mounts /run/here "$1" | bash
    (cd /run/here && eval "$2")
    umount -R /run/here
}
for s in btrfs blockfile erofs native; do
    for image in base app; do $ctr image import --local --snapshotter $s "$dir/$image.tar"; done
    top=$(cat "$dir/top")
    $ctr snapshot --snapshotter $s prepare mine "$top" > /dev/null
    write mine 'echo hi > hello; rm etc/top; yes mine | head -c 20000 > data/mine'
    $ctr snapshot --snapshotter $s prepare writing "$top" > /dev/null
    write writing 'yes two | head -c 30000 > two'
    $ctr snapshot --snapshotter $s commit committed writing
    $ctr snapshot --snapshotter $s view seen "$top" > /dev/null
    $ctr snapshot --snapshotter $s label seen containerd.io/gc.root=1 > /dev/null
    $ctr snapshot --snapshotter $s prepare alone > /dev/null
    write alone 'echo a > a'
    ctr -a /run/snapshotters.sock -n other snapshot --snapshotter $s prepare theirs > /dev/null
done
# of what is made here by hand a collection takes a view without this label, so that the second one is made when no other comes
for s in btrfs blockfile erofs native; do
    $ctr snapshot --snapshotter $s view gone "$top" > /dev/null
    $ctr snapshot --snapshotter $s ls > "$said/$s.ls"
    $ctr snapshot --snapshotter $s usage -b > "$said/$s.usage"
done
kill $daemon
wait $daemon || true
sync
# the layers of erofs stay mounted on the directories that are recorded
findmnt -rno TARGET -t erofs | xargs -r umount
python3 - "$said" > "$dir/said.json" <<'P'
import glob, json, os, sys
said = {}
for path in sorted(glob.glob(sys.argv[1] + "/*.ls")):
    name = os.path.basename(path)[:-3]
    rows = [line.split() for line in open(path).read().splitlines()[1:]]
    usage = {line.split()[0]: int(line.split()[1]) for line in open(path[:-2] + "usage").read().splitlines()[1:]}
    said[name] = {row[0]: {"kind": row[-1], "parent": row[1] if len(row) == 3 else None, "usage": usage[row[0]]} for row in rows}
print(json.dumps(said, indent=1))
P
# the file's flag that forbids its removal is none that an archive keeps
chattr -R -i "$root/io.containerd.snapshotter.v1.erofs" 2> /dev/null || true
tar --format=posix --xattrs --xattrs-include='*' --numeric-owner -C "$dir/root" -cf - docker containerd | zstd -q -19 --long=27 -f -o "$dir/root.tar.zst"
umount "$root"
