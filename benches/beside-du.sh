#!/bin/bash
# The walk beside `du -s` and `diskus`: interleaved rounds, each command's wall and CPU time as the median of its ratio to
# du in the same round, so that what else the machine does falls on all alike.
#
#   beside-du.sh [--cold] [--rounds N] [TREE...]
#
# Without TREE: two generated ones below $TMPDIR, kept for the next time: 250,000 inodes in a Docker data root, and one
# directory of 500,000 files. --cold drops the page cache before every command (root). `--rounds` is 7, cold 3.
set -eu
cd "$(dirname "$0")/.."
cold=; rounds=; trees=()
while [ $# -gt 0 ]; do
  case "$1" in
    --cold) cold=1;;
    --rounds) rounds=$2; shift;;
    -h|--help) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 0;;
    *) trees+=("$1");;
  esac
  shift
done
if [ ${#trees[@]} = 0 ]; then
  made=${TMPDIR:-/tmp}/deadweight-bench
  mkdir -p "$made"
  [ -e "$made/root/MANIFEST.json" ] \
    || benches/make-tree.sh --layers 500 --files 330 --deep 20000 --crosslinks 500 --orphans 5 "$made/root"
  [ -e "$made/flat/499999" ] || { mkdir -p "$made/flat"; (cd "$made/flat"; seq 0 499999 | xargs touch); }
  trees=("$made/root" "$made/flat")
fi
cargo build --release --quiet --example weigh
weigh=${CARGO_TARGET_DIR:-target}/release/examples/weigh
command -v diskus >/dev/null || echo "diskus is not installed: left out"
exec python3 - "${cold:-}" "${rounds:-$([ -n "$cold" ] && echo 3 || echo 7)}" "$weigh" "${trees[@]}" <<'EOF_PY'
import os, shutil, statistics, sys, time

cold, rounds, weigh, trees = bool(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]


def run(command):
    """Seconds on the clock, and of CPU."""
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
    if status:
        sys.exit(f"{command} failed: {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime


for tree in trees:
    commands = [["du", "-s", tree], [weigh, "-s", tree], [weigh, "-s", "-j", "1", tree]]
    if shutil.which("diskus"):
        commands.insert(1, ["diskus", tree])
    if not cold:
        for command in commands:
            run(command)
    table = [[run(command) for command in commands] for _ in range(rounds)]
    print(f"\n{tree}, {'cold' if cold else 'warm'}, {rounds} rounds\n{'wall':>6} {'cpu':>6} {'ms':>8}")
    for column, command in enumerate(commands):
        wall, cpu = (statistics.median(row[column][n] / row[0][n] for row in table) for n in (0, 1))
        ms = statistics.median(row[column][0] for row in table) * 1000
        print(f"{wall:6.2f} {cpu:6.2f} {ms:8.0f}  {os.path.basename(command[0])} {' '.join(command[1:-1])}")
EOF_PY
