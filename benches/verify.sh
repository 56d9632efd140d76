#!/bin/bash
# `check --content` beside `openssl dgst -sha256`: interleaved rounds, each command's wall and CPU time as the median of its ratio
# to openssl's in the same round, so that what else the machine does falls on all alike. Peak memory is our own.
#
#   verify.sh [--cold] [--rounds N] [--big BYTES] [--many FILES] [ROOT]
#
# Of many layers also `tar` with attributes, and the floor: `examples/floor.rs` at each of its levels.
#
# ROOT is a tree of make-tree.sh (small files, many layers); without it one is made below $TMPDIR and kept. Beside it: a root with
# one layer of one file (--big, 2 GB), and one with one layer of many files (--many, 100,000). --cold drops the page cache before
# every command (root). `--rounds` is 5, cold 3.
set -eu
cd "$(dirname "$0")/.."
cold=; rounds=; big=2000000000; many=100000; root=
while [ $# -gt 0 ]; do
  case "$1" in
    --cold) cold=1;;
    --rounds) rounds=$2; shift;;
    --big) big=$2; shift;;
    --many) many=$2; shift;;
    -h|--help) sed -n '2,11p' "$0" | sed 's/^# \{0,1\}//'; exit 0;;
    *) root=$1;;
  esac
  shift
done
made=${TMPDIR:-/tmp}/deadweight-bench
mkdir -p "$made"
if [ -z "$root" ]; then
  root=$made/root
  [ -e "$root/MANIFEST.json" ] \
    || benches/make-tree.sh --layers 500 --files 330 --deep 20000 --crosslinks 500 --orphans 5 "$root"
fi
[ -e "$made/many/MANIFEST.json" ] \
  || benches/make-tree.sh --layers 1 --files "$many" --profile tiny --spread even --containers 0 --volumes 0 "$made/many"
# the streams of generated trees have one time
for tree in "$root" "$made/many"; do
  find "$tree/overlay2" -mindepth 3 -path '*/diff/*' -newermt 2023-11-15 -print0 | xargs -0r touch -h -d @1700000000
done
[ -n "${DEADWEIGHT:-}" ] || cargo build --release --quiet --bins --example floor
exec python3 - "$cold" "${rounds:-$([ -n "$cold" ] && echo 3 || echo 5)}" "$root" "$made/many" "$made/big" "$big" \
  "${DEADWEIGHT:-${CARGO_TARGET_DIR:-target}/release/deadweight}" <<'EOF_PY'
import base64, gzip, hashlib, io, json, os, statistics, sys, tarfile, time

cold, rounds, root, many, big, size, ours = sys.argv[1:]
cold, rounds, size = bool(cold), int(rounds), int(size)


def make_big():
    """A root whose one layer has one file, as the engine would have written it."""
    if os.path.exists(f"{big}/done"):
        return
    cache, part = "b" * 64, os.urandom(1 << 20)
    diff = f"{big}/overlay2/{cache}/diff"
    os.makedirs(diff)
    os.makedirs(f"{big}/overlay2/l", exist_ok=True)
    info = tarfile.TarInfo("big")
    info.size, info.mtime, info.mode = size, 1700000000, 0o644
    header = info.tobuf(tarfile.GNU_FORMAT)
    digest = hashlib.sha256(header)
    with open(f"{diff}/big", "wb") as out:
        left = size
        while left:
            out.write(part[:left])
            digest.update(part[:left])
            left -= min(left, len(part))
    os.chmod(f"{diff}/big", 0o644)
    os.utime(f"{diff}/big", (1700000000, 1700000000))
    tail = b"\0" * (-size % 512 + 1024)
    digest.update(tail)
    diff_id = digest.hexdigest()
    lines = [{"type": 2, "payload": base64.b64encode(header).decode(), "position": 0},
             {"type": 1, "name": "big", "size": size, "payload": "AAAAAAAAAAA=", "position": 1},
             {"type": 2, "payload": base64.b64encode(tail).decode(), "position": 2}]
    entry = f"{big}/image/overlay2/layerdb/sha256/{diff_id}"
    os.makedirs(entry)
    with gzip.open(f"{entry}/tar-split.json.gz", "wt") as out:
        out.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    for name, text in (("diff", f"sha256:{diff_id}"), ("size", str(size)), ("cache-id", cache)):
        with open(f"{entry}/{name}", "w") as out:
            out.write(text)
    link = "B" * 26
    for name, text in (("link", link), ("committed", "")):
        with open(f"{big}/overlay2/{cache}/{name}", "w") as out:
            out.write(text)
    os.symlink(f"../{cache}/diff", f"{big}/overlay2/l/{link}")
    os.makedirs(f"{big}/containers")
    open(f"{big}/done", "w").close()


def run(command):
    """Seconds on the clock, of CPU, and KiB at most."""
    if cold:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as drop:
            drop.write("3")
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:  # ahead of whatever else runs, if we may
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
        except PermissionError:
            pass
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    if status not in (0, 256, 1024):  # findings, and the holes of a made-up root
        sys.exit(f"{command} failed: {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def check(root, threads=None):
    return [ours, "--root", root, "--no-progress"] + (["-j", str(threads)] if threads else []) + ["check", "--content"]


def quick(root):
    return check(root, 2)[:-1]


def bench(title, base, others):
    ratios, seconds, peak = {}, [], {}
    for _ in range(rounds):
        wall, cpu, _ = run(base)
        seconds.append(wall)
        for name, command in others.items():
            w, c, rss = run(command)
            ratios.setdefault(name, []).append((w / wall, c / cpu))
            peak[name] = max(peak.get(name, 0), rss)
    print(f"{title}: {statistics.median(seconds):.2f} s")
    for name, found in ratios.items():
        wall, cpu = (statistics.median(part) for part in zip(*found))
        print(f"  {name:28} wall {wall:.2f}  CPU {cpu:.2f}  peak {peak[name] / 1024:.0f} MB")


make_big()
threads = [1, 2, 4, 16, 32] if cold else [1, 2, 4]
pipe = lambda dir, how="": ["sh", "-c", f"tar {how} -c -C {dir} overlay2 | openssl dgst -sha256"]
floor = os.path.join(os.path.dirname(ours), "examples/floor")
if not cold and os.path.exists(floor):
    less = {f"floor {level}, 2 threads": [floor, str(level), "2", root] for level in range(5)}
    less["check --content -j 2"] = check(root, 2)
    bench("many layers of small files, tar | openssl", pipe(root), {"tar --xattrs --acls": pipe(root, "--xattrs --xattrs-include='*' --acls"), **less})
for title, dir in (("many layers of small files, tar | openssl", root), ("one layer of many files, tar | openssl", many)):
    others = {f"check --content -j {n}": check(dir, n) for n in threads}
    bench(title, pipe(dir), {"check (quick)": quick(dir), **others})
file = f"{big}/overlay2/{'b' * 64}/diff/big"
bench("one layer of one file, openssl", ["openssl", "dgst", "-sha256", file], {"check --content -j 1": check(big, 1), "check --content": check(big)})
EOF_PY
