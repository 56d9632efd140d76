#!/bin/bash
# The whole report (walk, databases, graph, output), and the walk alone, beside `du -s` and `diskus`: interleaved rounds,
# each command's wall and CPU time as the median of its ratio to du in the same round, so that what else the machine does
# falls on all alike; and the peak memory of each.
#
#   beside-du.sh [--cold] [--rounds N] [TREE...]
#
# A TREE is a data root, or a directory that holds `docker` and `containerd`. Without any, generated ones below $TMPDIR,
# kept for the next time: 250,000 inodes in a data root with a graph driver, one directory of 500,000 files, and 250,000
# inodes in containerd's store. `--all` makes three more: 2,000,000 inodes, 20,000 layers of 5,000 images, and both in one
# (20 GB in all). --cold drops the page cache before every command (root). `--rounds` is 7, cold 3.
set -eu
cd "$(dirname "$0")/.."
cold=; rounds=; all=; trees=()
while [ $# -gt 0 ]; do
  case "$1" in
    --cold) cold=1;;
    --all) all=1;;
    --rounds) rounds=$2; shift;;
    -h|--help) sed -n '2,12p' "$0" | sed 's/^# \{0,1\}//'; exit 0;;
    *) trees+=("$1");;
  esac
  shift
done
made=${TMPDIR:-/tmp}/deadweight-bench
# a data root of its own name, made once
root() { [ -e "$made/$1/MANIFEST.json" ] || benches/make-tree.sh "${@:2}" "$made/$1"; trees+=("$made/$1"); }
if [ ${#trees[@]} = 0 ]; then
  mkdir -p "$made"
  root root --layers 500 --files 330 --deep 20000 --crosslinks 500 --orphans 5
  [ -e "$made/flat/499999" ] || { mkdir -p "$made/flat"; (cd "$made/flat"; seq 0 499999 | xargs touch); }
  trees+=("$made/flat")
  [ -e "$made/store/full" ] || benches/make-store.sh "$made/store" 250000
  trees+=("$made/store")
  if [ -n "$all" ]; then
    root large --layers 3000 --files 560 --profile tiny --containers 200
    root many --layers 20000 --files 1 --images 5000
    root both --layers 20000 --files 72 --images 5000 --profile tiny --containers 200
  fi
fi
cargo build --release --quiet --bin deadweight --example weigh
built=${CARGO_TARGET_DIR:-target}/release
command -v diskus >/dev/null || echo "diskus is not installed: left out"
exec python3 - "${cold:-}" "${rounds:-$([ -n "$cold" ] && echo 3 || echo 7)}" "$built" "${trees[@]}" <<'EOF_PY'
import os, shutil, statistics, sys, time

cold, rounds, built, trees = bool(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]


def run(command):
    """Seconds on the clock, and of CPU, and peak memory in MB."""
    if cold:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as drop:
            drop.write("3")
    start = time.monotonic()
    pid = os.posix_spawnp(  # not fork: the memory of a fork is the least that its peak can be
        command[0], command, os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)],
        **ahead)
    _, status, usage = os.wait4(pid, 0)
    # a report that had to leave something out says so in its exit status
    if os.waitstatus_to_exitcode(status) not in (0, 1, 3):
        sys.exit(f"{command} failed: {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


# ahead of whatever else runs, if we may
ahead = {"scheduler": (os.SCHED_RR, os.sched_param(10))} if os.geteuid() == 0 else {}
for tree in trees:
    both = [os.path.join(tree, part) for part in ("docker", "containerd")]
    both = both if all(map(os.path.isdir, both)) else [tree]
    roots = ["--root", both[0]] + (["--containerd-root", both[1]] if len(both) > 1 else [])
    ours = [f"{built}/deadweight", "report", "--format", "json", *roots]
    commands = [
        ["du", "-sc", *both],
        *([["diskus", *both]] if shutil.which("diskus") else []),
        ours,
        [*ours, "-j", "1"],
        [f"{built}/examples/weigh", "-s", *both],
    ]
    if not cold:
        for command in commands:
            run(command)
    table = [[run(command) for command in commands] for _ in range(rounds)]
    print(f"\n{tree}, {'cold' if cold else 'warm'}, {rounds} rounds\n{'wall':>6} {'cpu':>6} {'ms':>8} {'MB':>6}")
    for column, command in enumerate(commands):
        wall, cpu = (statistics.median(row[column][n] / row[0][n] for row in table) for n in (0, 1))
        ms = statistics.median(row[column][0] for row in table) * 1000
        peak = max(row[column][2] for row in table)
        words = [word for word in command[1:] if not os.path.isabs(word) and not word.endswith("root")]
        print(f"{wall:6.2f} {cpu:6.2f} {ms:8.0f} {peak:6.1f}  {os.path.basename(command[0])} {' '.join(words)}", flush=True)
EOF_PY
