#!/bin/bash
# make-host.sh TARGET [SCALE]: two data roots of very many objects, for `plan` and `what-if`: TARGET/graph/docker, of an engine
# with a graph driver, and TARGET/stored/{docker,containerd}, of one with containerd's store. At SCALE 1 each has 5,000
# images of 10,000 layers, 2,000 stopped containers, 2,000 volumes and 3,000 records of build cache; 0.1 is a tenth.
# Layers are shared as make-tree.sh shares them; files are few and small. No engine was ever started on them.
set -eu
cd "$(dirname "$0")/.."
target=$1; scale=${2:-1}
of() { python3 -c "print(max(1, int($1 * $scale)))"; }
mkdir -p "$target"
[ -e "$target/graph/docker" ] || benches/make-tree.sh --layers "$(of 10000)" --files 3 --images "$(of 5000)" --containers "$(of 2000)" \
  --volumes "$(of 2000)" --depth 6 --profile tiny --verify 0 "$target/graph/docker"
exec python3 - "$target" "$scale" <<'EOF_PY'
import hashlib, json, os, random, struct, sys

target, scale = sys.argv[1], float(sys.argv[2])
NOW = 1700000000
rng = random.Random(5)
of = lambda count: max(1, int(count * scale))
digest = lambda data: "sha256:" + hashlib.sha256(data).hexdigest()
js = lambda value: json.dumps(value, separators=(",", ":")).encode()
name25 = lambda number: "".join("0123456789abcdefghijklmnopqrstuvwxyz"[(number * 7919 + 31 * at * number + at) % 36] for at in range(18)) + "%07d" % number


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


# ---- values of containerd's databases
def uvarint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


varint = lambda value: uvarint(value << 1)
gotime = lambda seconds: b"\x01" + struct.pack(">qIh", seconds + 62135596800, 0, -1)
stamped = lambda: {"createdat": gotime(NOW), "updatedat": gotime(NOW)}


# ---- bolt: a leaf for each bucket, as long as it has to be; small pages, since most buckets are small
def bolt(path, tree, size=512):
    def fnv(data):
        value = 0xCBF29CE484222325
        for byte in data:
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        return value

    pages, used = [], 3

    def leaf(items):
        nonlocal used
        elements, data, count = [], [], 0
        encoded = sorted((key.encode() if isinstance(key, str) else key, value) for key, value in items.items())
        for key, value in encoded:
            bucket = isinstance(value, dict)
            value = struct.pack("<QQ", leaf(value), 0) if bucket else value
            elements.append((bucket, count, len(key), len(value)))
            data += [key, value]
            count += len(key) + len(value)
        head = b"".join(
            struct.pack("<IIII", bucket, 16 * (len(elements) - at) + offset, key, value)
            for at, (bucket, offset, key, value) in enumerate(elements))
        taken = -(-(16 + len(head) + count) // size)
        number, used = used, used + taken
        page = struct.pack("<QHHI", number, 2, len(elements), taken - 1) + head + b"".join(data)
        pages.append((number, page.ljust(taken * size, b"\0")))
        return number

    root = leaf(tree)

    def meta(number, transaction):
        value = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, size, 0, root, 0, 2, used, transaction)
        return (struct.pack("<QHHI", number, 4, 0, 0) + value + struct.pack("<Q", fnv(value))).ljust(size, b"\0")

    free = struct.pack("<QHHI", 2, 0x10, 0, 0).ljust(size, b"\0")
    write(path, meta(0, 0) + meta(1, 1) + free + b"".join(page for _, page in sorted(pages)))


# ---- BuildKit's records: chains of up to twelve, each last used at a time of its own
def records(count, snapshot):
    found, parent = {}, None
    for number in range(count):
        name = name25(number)
        parent = parent if number % 12 else None
        value = lambda content: js({"value": content})
        record = {
            "cache.createdAt": value((NOW - 86400 * (number % 300) - 7200) * 10**9), "cache.usageCount": value(1),
            "cache.lastUsedAt": value((NOW - 86400 * (number % 300) - 3600 - number) * 10**9),
            "cache.description": value("[stage-%d] RUN step %d" % (number // 12, number % 12)), "cache.recordType": value("regular"),
            "snapshot.size": value(4096 * (1 + number % 9)), "snapshot.committed": value(True), "cache.snapshot": value(snapshot(name)),
        }
        if parent:
            record["cache.parent"] = value(parent)
        found[name] = (record, parent)
        parent = name
    return found


solver = {"_result": {}, "_links": {}, "_backlinks": {}, "_byresult": {}}


def graph():
    top = target + "/graph/docker"
    made = records(of(3000), lambda name: name)
    snapshots, leases, lowers = {}, {}, {}
    for number, (name, (_, parent)) in enumerate(made.items()):
        at = f"{top}/overlay2/{name}"
        lowers[name] = f"l/L{number:025d}" + (":" + lowers[parent] if parent else "")
        if not os.path.isdir(at):
            os.makedirs(at + "/diff")
            if parent:
                write(at + "/lower", lowers[parent].encode())
                os.makedirs(at + "/work")
            write(at + "/link", b"L%025d" % number)
            os.symlink(f"../{name}/diff", f"{top}/overlay2/l/L{number:025d}")
            write(at + "/committed", b"")
            write(at + "/diff/built", b"b" * (4096 * (1 + number % 9)))
        snapshots[name] = {"parent": (parent or "").encode(), "committed": name.encode(), "iscommitted": b"1", "size": b"4096"}
        leases[name] = {"createdat": gotime(NOW), "labels": {"containerd.io/gc.flat": b"2023"}, "snapshots": {"default": {name: b""}}}
    at = top + "/buildkit/"
    bolt(at + "metadata_v2.db", {"_main": {name: {key: value for key, value in record.items()} for name, (record, _) in made.items()}})
    bolt(at + "snapshots.db", snapshots)
    bolt(at + "containerdmeta.db", {"v1": {"version": varint(3), "buildkit": {"leases": leases}}})
    bolt(at + "cache.db", solver)


def stored():
    docker, containerd = target + "/stored/docker", target + "/stored/containerd"
    content, driver = containerd + "/io.containerd.content.v1.content", containerd + "/io.containerd.snapshotter.v1.overlayfs"
    blobs, snapshots, backend, parents, leases, images = {}, {}, {}, {}, {}, {}
    for below in ("blobs/sha256", "ingest"):
        os.makedirs(f"{content}/{below}", exist_ok=True)

    def blob(data, labels=None):
        name = digest(data)
        if name not in blobs:
            write(f"{content}/blobs/sha256/{name[7:]}", data)
            blobs[name] = {"size": varint(len(data)), **stamped(), **({"labels": labels} if labels else {})}
        return name

    def snapshot(key, parent, files, active=False):
        number = len(backend) + 1
        name = f"moby/{number}/{key}"
        snapshots[key] = {"name": name.encode(), "parent": (parent or "").encode(), **stamped()}
        above = backend.get(snapshots[parent]["name"].decode()) if parent else None
        backend[name] = {"id": uvarint(number), "kind": b"\x02" if active else b"\x03", **stamped()}
        if parent:
            snapshots[parent].setdefault("children", {})[key] = b""
            backend[name]["parent"] = snapshots[parent]["name"]
            parents[above["id"] + b"\0" + uvarint(number)] = name.encode()
        if not active:
            backend[name] |= {"inodes": varint(2), "size": varint(4096 + sum(map(len, files.values())))}
        os.makedirs(f"{driver}/snapshots/{number}/fs", exist_ok=True)
        for file, data in files.items():
            write(f"{driver}/snapshots/{number}/fs/{file}", data)
        if active:
            os.makedirs(f"{driver}/snapshots/{number}/work", exist_ok=True)

    # layers: chains that branch off others
    layers, tips, at = [], [], 0
    while len(layers) < of(10000):
        below = rng.randrange(len(layers)) if layers and rng.random() < 0.7 else None
        for _ in range(rng.randrange(2, 7)):
            number = len(layers)
            data = b"layer %d " % number * rng.randrange(1, 900)
            diff = digest(b"diff %d" % number)
            chain = diff if below is None else digest(f"{layers[below][0]} {diff}".encode())
            packed = blob(data, {"containerd.io/uncompressed": diff.encode(), "containerd.io/distribution.source.docker.io": b"library/img"})
            snapshot(chain, layers[below][0] if below is not None else None, {"file": data})
            layers.append((chain, diff, packed, len(data), below))
            below = number
        tips.append(below)

    def chain_of(tip):
        while tip is not None:
            yield layers[tip]
            tip = layers[tip][4]

    made = []
    for number in range(of(5000)):
        tip = tips[number % len(tips)]
        chain = list(chain_of(tip))[::-1]
        config = js({"architecture": "amd64", "os": "linux", "created": "2023-11-14T22:13:20Z", "config": {"Env": [f"N={number}"], "Cmd": ["/bin/sh"]},
                     "rootfs": {"type": "layers", "diff_ids": [layer[1] for layer in chain]}, "history": []})
        config_name = blob(config, {"containerd.io/gc.ref.snapshot.overlayfs": chain[-1][0].encode()})
        kind = "application/vnd.oci.image."
        manifest = js({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
                       "config": {"mediaType": kind + "config.v1+json", "digest": config_name, "size": len(config)},
                       "layers": [{"mediaType": kind + "layer.v1.tar", "digest": layer[2], "size": layer[3]} for layer in chain]})
        labels = {"containerd.io/gc.ref.content.config": config_name.encode()}
        labels |= {f"containerd.io/gc.ref.content.l.{at}": layer[2].encode() for at, layer in enumerate(chain)}
        name = blob(manifest, labels)
        record = {"target": {"digest": name.encode(), "mediatype": (kind + "manifest.v1+json").encode(), "size": varint(len(manifest))}, **stamped()}
        images[f"docker.io/library/img{number // 3}:v{number}" if number % 10 != 9 else f"moby-dangling@{name}"] = record
        made.append((name, len(manifest), chain[-1][0]))

    volumes = {}
    for number in range(of(2000)):
        name = f"vol{number:04d}" if number % 2 else hashlib.sha256(b"volume %d" % number).hexdigest()
        volumes[name] = js({"Name": name, "Driver": "local", "Labels": None, "Options": None})
        os.makedirs(f"{docker}/volumes/{name}/_data", exist_ok=True)
        if number % 4:
            write(f"{docker}/volumes/{name}/_data/file", b"v" * rng.randrange(1, 9000))
    bolt(docker + "/volumes/metadata.db", {"volumes": volumes})

    for number in range(of(2000)):
        image, size, chain = made[number % len(made)]
        name = hashlib.sha256(b"container %d" % number).hexdigest()
        snapshot(name + "-init", chain, {".dockerenv": b""})
        snapshot(name, name + "-init", {"written": b"w" * rng.randrange(1, 20000)}, active=True)
        leases[name] = {"createdat": gotime(NOW), "snapshots": {"overlayfs": {name: b"", name + "-init": b""}}}
        at = f"{docker}/containers/{name}"
        stamp = "2023-11-14T22:13:20Z"
        config = {
            "State": {"Running": False, "Pid": 0, "ExitCode": 0, "StartedAt": stamp, "FinishedAt": stamp}, "ID": name, "Created": stamp,
            "Path": "/bin/sh", "Args": [], "Config": {"Image": "img", "Labels": {}}, "Image": image, "Name": f"/con{number}", "Driver": "overlayfs",
            "OS": "linux", "MountPoints": {}, "LogPath": f"/var/lib/docker/containers/{name}/{name}-json.log",
            "ImageManifest": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": image, "size": size},
        }
        write(at + "/config.v2.json", js(config))
        write(at + "/hostconfig.json", js({"LogConfig": {"Type": "json-file", "Config": {}}, "NetworkMode": "none"}))
        write(f"{at}/{name}-json.log", b'{"log":"hello\\n"}\n' * rng.randrange(0, 900))
        for below in ("checkpoints", "mounts"):
            os.makedirs(f"{at}/{below}", exist_ok=True)

    cached = records(of(3000), lambda name: name)
    for number, (name, (_, parent)) in enumerate(cached.items()):
        snapshot(name, parent, {"built": b"b" * (4096 * (1 + number % 9))})
        leases[name] = {"createdat": gotime(NOW), "labels": {"containerd.io/gc.flat": b"2023"}, "snapshots": {"overlayfs": {name: b""}}}
    at = docker + "/buildkit/"
    bolt(at + "containerd-overlayfs/metadata_v2.db", {"_main": {name: record for name, (record, _) in cached.items()}})
    write(at + "containerd-overlayfs/workerid", name25(0).encode())
    bolt(at + "cache.db", solver)
    bolt(at + "history_c8d.db", {"_records": {}, "_version": {}})
    write(docker + "/engine-id", b"5f3c8a52-0000-4000-8000-000000000001")
    moby = {"images": images, "content": {"blob": blobs}, "snapshots": {"overlayfs": snapshots}, "leases": leases}
    bolt(containerd + "/io.containerd.metadata.v1.bolt/meta.db", {"v1": {"version": varint(4), "moby": moby}})
    bolt(driver + "/metadata.db", {"v1": {"snapshots": backend, "parents": parents}})


graph()
stored()
EOF_PY
