//! An engine with containerd's image store, out of a tree of a newer Debian (`.ci/engine-tree` makes it): dockerd and
//! containerd run there in a mount namespace of their own, on the roots that the test reads from outside.
//!
//! ```text
//! <dir>/docker      seen by the engine as /var/lib/docker
//! <dir>/containerd                        /var/lib/containerd; empty where dockerd starts a containerd itself
//! <dir>/run                               /run
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the tree is: `DEADWEIGHT_ENGINE_TREE`, or where `.ci/engine-tree` puts it.
pub(crate) fn tree() -> PathBuf {
    std::env::var_os("DEADWEIGHT_ENGINE_TREE").map_or_else(|| "/var/cache/deadweight-engine".into(), PathBuf::from)
}

/// Why there is none, in one line; a failure where an engine is required.
pub(crate) fn absent() -> Option<String> {
    let why = if !rustix::process::geteuid().is_root() {
        "not root".to_owned()
    } else if !tree().join("usr/sbin/dockerd").is_file() {
        format!("no engine in {} (sudo .ci/engine-tree makes one)", tree().display())
    } else {
        return None;
    };
    let required = std::env::var_os("REQUIRE_ENGINE").is_some();
    assert!(!required, "an engine with containerd's store is required, and cannot be started: {why}");
    Some(format!("live tests of containerd's store did not run: {why}"))
}

/// Makes mounts and becomes the engine: containerd first, and after dockerd ended it ends, too.
const START: &str = r#"
mount --bind "$TREE" "$TREE"; mount --rbind /dev "$TREE/dev"; mount --rbind /sys "$TREE/sys"; mount -t proc proc "$TREE/proc"
mkdir -p "$TREE/var/lib/docker" "$TREE/var/lib/containerd" "$TREE/mnt"
mount --bind "$DIR/docker" "$TREE/var/lib/docker"; mount --bind "$DIR/containerd" "$TREE/var/lib/containerd"; mount --bind "$DIR/run" "$TREE/run"
cd "$TREE"; pivot_root . mnt; exec chroot . /bin/sh -c "$INSIDE"
"#;
const INSIDE: &str = r#"
umount -l /mnt; cd /; export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
C= A=
if [ -z "$MANAGED" ]; then
  containerd --config /run/containerd.toml >>/run/containerd.log 2>&1 & C=$!
  A="--containerd /run/containerd/containerd.sock"
  for i in $(seq 1 200); do [ -S /run/containerd/containerd.sock ] && break; sleep 0.05; done
fi
dockerd --config-file /run/daemon.json $A --host unix:///run/docker.sock --pidfile /run/docker.pid & D=$!
trap 'kill -TERM $D' TERM
while kill -0 $D 2>/dev/null; do wait $D; done
if [ -n "$C" ]; then kill -TERM $C; wait $C; fi
"#;
const DAEMON: &str =
    r#"{"bridge":"none","iptables":false,"ip6tables":false,"features":{"containerd-snapshotter":true}}"#;
const CONTAINERD: &str = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";

/// The command that becomes the engine, on roots in `dir`. A managed containerd is one that dockerd starts, inside its own root.
pub(crate) fn command(dir: &Path, managed: bool) -> Command {
    for name in ["docker", "containerd", "run", "bin", "client/cli-plugins"] {
        std::fs::create_dir_all(dir.join(name)).unwrap();
    }
    std::fs::write(dir.join("run/daemon.json"), DAEMON).unwrap();
    std::fs::write(dir.join("run/containerd.toml"), CONTAINERD).unwrap();
    clients(dir);
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-ec", START]);
    command.env("TREE", tree()).env("DIR", dir).env("INSIDE", INSIDE);
    command.env("MANAGED", if managed { "1" } else { "" });
    command
}

/// The tree's clients, each with the tree's own libraries.
fn clients(dir: &Path) {
    let plugin = "usr/libexec/docker/cli-plugins/docker-buildx";
    for (name, path) in
        [("bin/docker", "usr/bin/docker"), ("bin/ctr", "usr/bin/ctr"), ("client/cli-plugins/docker-buildx", plugin)]
    {
        let tree = tree().display().to_string();
        let script = format!(
            "#!/bin/sh\nexec {tree}/lib64/ld-linux-*.so.* --library-path \"$(echo {tree}/usr/lib/*-linux-gnu)\" {tree}/{path} \"$@\"\n"
        );
        std::fs::write(dir.join(name), script).unwrap();
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.join(name), all).unwrap();
    }
}
