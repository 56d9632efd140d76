//! `plan` and `reclaim` on a real engine: what was promised is freed; what changes between plan and act stops it with nothing
//! lost; no system call of ours writes below the data root; and what is told to be removed by hand is missed by nobody.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::engine::{Engine, absent};
use crate::run;

/// A client beside which something else may happen: `meanwhile` is run before the engine is asked who it is. Of an engine in
/// a mount namespace of its own it says where its root lies for us. Not where such an engine has its own client.
fn client_with_a_rival(engine: &Engine) -> PathBuf {
    let bin = engine.dir().join("rival");
    std::fs::create_dir_all(&bin).unwrap();
    let docker = engine.client("docker");
    let script = format!(
        "#!/bin/bash\nfor word in \"$@\"; do if [ \"$word\" = info ]; then bash {}; {docker} \"$@\" | sed 's,\"/var/lib/docker\",\"{}\",'; exit; fi; done\nexec {docker} \"$@\"\n",
        bin.join("meanwhile").display(),
        engine.root().display(),
        docker = docker.get_program().to_str().unwrap(),
    );
    std::fs::write(bin.join("docker"), script).unwrap();
    std::fs::set_permissions(bin.join("docker"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(bin.join("meanwhile"), "").unwrap();
    bin
}

/// The same command, that finds this client first.
fn beside(bin: &Path, mut command: Command) -> Command {
    let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).unwrap().to_owned();
    command.env("PATH", format!("{}:{}", bin.display(), path.to_str().unwrap()));
    command
}

/// Our command line on the engine, as its own process.
fn deadweight(engine: &Engine, args: &[&str]) -> Command {
    let mut command = engine.client(env!("CARGO_BIN_EXE_deadweight"));
    let containerd = engine.dir().join("containerd");
    if containerd.is_dir() {
        command.arg("--containerd-root").arg(containerd);
    }
    command.arg("--root").arg(engine.root()).args(["--engine", &engine.version(), "--format", "json"]).args(args);
    command
}

fn answer(out: &Output) -> Value {
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|cause| panic!("{cause}: {}", String::from_utf8_lossy(&out.stderr)))
}

fn complaint(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// Containers and images, as the engine lists them.
fn listed(engine: &Engine) -> BTreeSet<String> {
    let ids = |path: &str| -> Vec<String> {
        let rows = engine.json(path);
        rows.as_array().unwrap().iter().map(|row| row["Id"].as_str().unwrap().to_owned()).collect()
    };
    ids("/containers/json?all=1").into_iter().chain(ids("/images/json?all=1")).collect()
}

fn at_most(engine: &Engine, keep: &[&str]) -> u64 {
    let out = deadweight(engine, &[&["plan", "--free", "1TB"], keep].concat()).output().unwrap();
    answer(&out)["at_most_bytes"].as_u64().unwrap()
}

#[test]
fn a_promised_byte_is_a_freed_byte_and_nothing_below_the_root_is_written_by_us() {
    if let Some(why) = absent() {
        println!("{why}");
        return;
    }
    let engine = Engine::start("overlay2");
    engine.recipe("forced-rmi");
    let trace = engine.dir().join("trace");
    let first = at_most(&engine, &[]) / 2;
    let mut command = Command::new("strace");
    let plain = deadweight(&engine, &["reclaim", "--free", &first.to_string(), "-y", "--journal"]);
    command.args(["-f", "-y", "-s", "4096", "-e", "trace=%file,%desc", "-o"]).arg(&trace);
    command.arg(plain.get_program()).args(plain.get_args()).arg(engine.dir().join("journal"));
    plain.get_envs().for_each(|(name, value)| _ = value.map(|value| command.env(name, value)));
    match command.stdin(std::process::Stdio::null()).output() {
        Err(cause) => assert!(std::env::var_os("REQUIRE_ENGINE").is_none(), "strace is required: {cause}"),
        Ok(out) => {
            assert_eq!(out.status.code(), Some(0), "{}", complaint(&out));
            let account = answer(&out);
            assert_eq!((&account["ended"], &account["promised_bytes"]), (&"done".into(), &account["freed_bytes"]));
            assert!(account["freed_bytes"].as_u64().unwrap() >= first);
            assert_writes_nothing(&std::fs::read_to_string(&trace).unwrap(), engine.dir());
        }
    }
    // and all the rest
    let rest = at_most(&engine, &[]);
    let out = deadweight(&engine, &["reclaim", "--free", &rest.to_string(), "-y"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", complaint(&out));
    let account = answer(&out);
    assert_eq!(account["promised_bytes"], account["freed_bytes"]);
    assert_eq!(at_most(&engine, &[]), 0, "nothing is left that may go");
}

#[test]
fn a_promised_byte_is_a_freed_byte_in_containerds_store_too() {
    if let Some(why) = crate::tree::absent() {
        println!("{why}");
        return;
    }
    let engine = Engine::start_stored(false);
    engine.recipe("containerd");
    let bin = client_with_a_rival(&engine);
    // the client of this machine has no buildx, or one without `history`
    let keep = ["--keep", "kind=history"];
    for part in [2, 1] {
        let free = (at_most(&engine, &keep) / part).to_string();
        let out = beside(&bin, deadweight(&engine, &[&["reclaim", "--free", &free, "-y"], &keep[..]].concat()))
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(0), "{}\n{}", complaint(&out), String::from_utf8_lossy(&out.stdout));
        let account = answer(&out);
        assert_eq!((&account["ended"], &account["promised_bytes"]), (&"done".into(), &account["freed_bytes"]));
        println!("{} steps freed {}", account["steps"].as_array().unwrap().len(), account["freed_bytes"]);
    }
}

/// Calls that change what is there, whoever makes them: the Docker CLI is in the trace, too.
const CHANGES: &[&str] = &[
    "unlink",
    "rmdir",
    "rename",
    "mkdir",
    "mknod",
    "link",
    "symlink",
    "truncate",
    "chmod",
    "chown",
    "utime",
    "setxattr",
    "removexattr",
    "creat",
    "fallocate",
    "copy_file_range",
    "write",
    "flock",
    "futimesat",
];

fn assert_writes_nothing(trace: &str, dir: &Path) {
    let root = dir.join("docker").display().to_string();
    let mut calls = 0;
    for line in trace.lines().filter(|line| !line.contains("resumed>")) {
        let Some((call, rest)) = line.split_once(' ').and_then(|(_, line)| line.trim_start().split_once('(')) else {
            continue;
        };
        calls += 1;
        let opens = call.starts_with("open") || call == "creat";
        let for_writing =
            ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"].iter().any(|flag| rest.contains(flag));
        // what is opened to be written is named by a whole path, and lies elsewhere
        if opens && for_writing {
            let path = rest.split('"').nth(1).unwrap_or_default();
            assert!(path.starts_with('/') && !path.starts_with(&root), "{line}");
        }
        let changes = CHANGES.iter().any(|word| {
            call.trim_start_matches('f').trim_start_matches('l').starts_with(word) || call.starts_with(word)
        });
        if changes && call != "readlink" && call != "readlinkat" {
            assert!(!rest.contains(&format!("{root}/")), "{line}");
            // relative to a directory of the root, which is what our own view of it would be
            let relative = rest.split('"').nth(1).is_some_and(|path| !path.starts_with('/')) && !call.contains("write");
            assert!(!relative || call.starts_with("mkdir") || call.starts_with("symlink"), "{line}");
        }
    }
    assert!(calls > 1000, "{calls} calls: nothing was traced");
}

#[test]
fn what_changes_between_plan_and_act_stops_it_and_nothing_is_lost() {
    if let Some(why) = absent() {
        println!("{why}");
        return;
    }
    let engine = Engine::start("overlay2");
    engine.recipe("forced-rmi");
    races(&engine, "shop:1");
}

#[test]
fn what_changes_in_containerds_store_between_plan_and_act_stops_it_and_nothing_is_lost() {
    if let Some(why) = crate::tree::absent() {
        println!("{why}");
        return;
    }
    let engine = Engine::start_stored(false);
    engine.recipe("containerd");
    races(&engine, "keep:1");
}

/// `image` is to go, and so is one that nothing else has a layer of, from which builds start.
fn races(engine: &Engine, image: &str) {
    let (made, said) =
        engine.docker(&["create", "--network", "none", "--name", "sleeper", image, "/tiny", "sleep", "600"]);
    assert!(made, "{said}");
    let bin = client_with_a_rival(engine);
    let context = engine.dir().join("context");
    std::fs::create_dir_all(&context).unwrap();
    std::fs::write(context.join("Dockerfile"), "FROM own:1\nRUN [\"/tiny\", \"sleep\", \"12\"]\n").unwrap();
    let docker = engine.client("docker").get_program().to_str().unwrap().to_owned();
    // it is at its step when the step's container runs, or the step lies among those that are executed
    let steps = engine.root().join("buildkit/executor");
    let build = |kit: u8| {
        format!(
            "DOCKER_BUILDKIT={kit} setsid {docker} build -q --no-cache --network none {} >/dev/null 2>&1 </dev/null &\n\
            for i in $(seq 100); do [ -z \"$({docker} ps -q)\" ] && ! ls -d {}/*/ >/dev/null 2>&1 || break; sleep 0.1; done; sleep 0.5",
            context.display(),
            steps.display()
        )
    };
    let plain = ["--keep", "kind=cache", "--keep", "kind=history"];
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("a container is started", format!("{docker} start sleeper > /dev/null"), &[]),
        ("an image is tagged", format!("{docker} tag {image} kept:kept"), &[]),
        ("a container is made", format!("{docker} create --network none {image} /tiny > /dev/null"), &[]),
        ("BuildKit builds", build(1), &[]),
        ("BuildKit builds, and no cache is to go", build(1), &plain),
        ("the classic builder builds from an image that is to go", build(0), &plain),
    ];
    for (about, meanwhile, keep) in cases {
        import_own(engine, about);
        let plan = answer(&deadweight(engine, &[&["plan", "--free", "1TB"], keep].concat()).output().unwrap());
        let goes = |step: &Value| step["message"].as_str().unwrap().contains("Untagged: own:1");
        assert!(plan["steps"].as_array().unwrap().iter().any(goes), "{about}: {plan:#}");
        let free = plan["at_most_bytes"].to_string();
        let before = listed(engine);
        std::fs::write(bin.join("meanwhile"), &meanwhile).unwrap();
        let mut command = beside(&bin, deadweight(engine, &[&["reclaim", "--free", &free, "-y"], keep].concat()));
        let out = command.output().unwrap();
        let account = answer(&out);
        assert_eq!(
            (out.status.code(), account["ended"].as_str()),
            (Some(1), Some("not-begun")),
            "{about}: {}",
            complaint(&out)
        );
        assert!(complaint(&out).contains("changed meanwhile"), "{about}: {}", complaint(&out));
        let lost: Vec<_> = before.difference(&listed(engine)).cloned().collect();
        assert_eq!(lost, Vec::<String>::new(), "{about}");
        println!("{about}: {}", complaint(&out).lines().next().unwrap_or_default());
        std::fs::write(bin.join("meanwhile"), "").unwrap();
        quiet(engine);
    }
}

/// An image whose one layer no other image, build or container has: `/tiny`, and a file that says what it is for.
fn import_own(engine: &Engine, about: &str) {
    let at = |name: &str| engine.dir().join(name).display().to_string();
    let (tree, archive) = (at("own"), at("own.tar"));
    let tar = |args: &[&str]| assert!(Command::new("tar").args(args).status().unwrap().success(), "tar {args:?}");
    if std::fs::create_dir(&tree).is_ok() {
        assert!(engine.docker(&["export", "-o", &archive, "sleeper"]).0);
        tar(&["-xf", &archive, "-C", &tree, "tiny"]);
    }
    std::fs::write(format!("{tree}/about"), about.repeat(1000)).unwrap();
    tar(&["-cf", &archive, "-C", &tree, "tiny", "about"]);
    let (imported, said) = engine.docker(&["import", &archive, "own:1"]);
    assert!(imported, "{said}");
}

/// Waits for what was begun, and ends what runs.
fn quiet(engine: &Engine) {
    let context = engine.dir().join("context").display().to_string();
    let builds = || {
        let list = Command::new("ps").args(["-eo", "args"]).output().unwrap();
        String::from_utf8_lossy(&list.stdout).lines().any(|line| line.contains(&context) && line.contains("build"))
    };
    for _ in 0..400 {
        if !builds() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let names = engine.docker(&["ps", "-q"]).1;
    for id in names.split_whitespace() {
        engine.docker(&["stop", "-t", "1", id]);
    }
}

/// Files and directories as a crash leaves them.
fn plant(root: &Path) -> PathBuf {
    let home = root.join("overlay2");
    let orphan = home.join("5".repeat(64));
    std::fs::create_dir_all(orphan.join("diff/etc")).unwrap();
    std::fs::create_dir_all(orphan.join("work")).unwrap();
    std::fs::write(orphan.join("diff/etc/passwd"), vec![b'x'; 300_000]).unwrap();
    std::fs::write(orphan.join("link"), "ABCDEFGHIJKLMNOPQRSTUVWXYZ").unwrap();
    std::os::unix::fs::symlink(format!("../{}/diff", "5".repeat(64)), home.join("l/ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        .unwrap();
    let write_set = root.join("image/overlay2/layerdb/tmp/write-set-1");
    std::fs::create_dir_all(&write_set).unwrap();
    std::fs::write(write_set.join("cache-id"), "x").unwrap();
    orphan
}

#[test]
fn what_is_told_to_be_removed_by_hand_is_missed_by_nobody() {
    if let Some(why) = absent() {
        println!("{why}");
        return;
    }
    let mut engine = Engine::start("overlay2");
    engine.recipe("build-cache");
    by_hand(&mut engine, |dir| vec![plant(&dir.join("docker"))]);
}

/// Files in containerd's stores that no metadata name, and an ingest that nobody can take up.
fn plant_strays(dir: &Path) -> Vec<PathBuf> {
    let containerd = dir.join("containerd");
    let snapshots = containerd.join("io.containerd.snapshotter.v1.overlayfs/snapshots");
    let content = containerd.join("io.containerd.content.v1.content");
    let strays = [
        snapshots.join("99991/fs/file"),
        snapshots.join("new-1234567890/fs/file"),
        content.join("blobs/sha256").join("5".repeat(64)),
        content.join("ingest").join("6".repeat(64)).join("data"),
        containerd.join("tmpmounts/containerd-mount1234567/file"),
    ];
    for stray in &strays {
        std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
        std::fs::write(stray, "planted ".repeat(9000)).unwrap();
    }
    strays.to_vec()
}

#[test]
fn what_is_told_to_be_removed_of_containerds_by_hand_is_missed_by_nobody() {
    if let Some(why) = crate::tree::absent() {
        println!("{why}");
        return;
    }
    let mut engine = Engine::start_stored(false);
    engine.recipe("containerd");
    by_hand(&mut engine, plant_strays);
}

/// Plants remains in a stopped engine's roots, removes what is told by hand, and uses everything that is left.
fn by_hand(engine: &mut Engine, plant: impl Fn(&Path) -> Vec<PathBuf>) {
    let version = engine.version();
    engine.stop();
    let planted = plant(engine.dir());
    let answer =
        run::deadweight(engine.dir(), &["plan", "--free", "1", "--format", "json", "--engine", &version]).json();
    let works = answer["by_hand"].as_array().unwrap();
    let commands: Vec<&str> =
        works.iter().flat_map(|work| work["by_hand"].as_array().unwrap()).map(|line| line.as_str().unwrap()).collect();
    let removals: Vec<&&str> = commands.iter().filter(|line| line.contains("rm -rf --one-file-system -- ")).collect();
    assert!(removals.len() >= 3, "{works:#?}");
    for line in removals {
        let out = Command::new("bash").args(["-c", line]).output().unwrap();
        assert!(out.status.success(), "{line}");
    }
    let left: Vec<_> = planted.iter().filter(|planted| planted.exists()).collect();
    assert!(left.is_empty(), "{left:?}: {works:#?}");
    engine.boot();
    // every image and container that is left runs
    let images = engine.json("/images/json");
    for image in images.as_array().unwrap() {
        let (ran, said) =
            engine.docker(&["run", "--rm", "--network", "none", image["Id"].as_str().unwrap(), "/tiny", "exit", "0"]);
        assert!(ran, "{image:#}: {said}");
    }
    let containers = engine.json("/containers/json?all=1");
    assert!(!containers.as_array().unwrap().is_empty());
    for container in containers.as_array().unwrap() {
        let (started, said) = engine.docker(&["start", container["Id"].as_str().unwrap()]);
        assert!(started, "{container:#}: {said}");
    }
    // and what was built is built from the cache
    let context = engine.dir().join("again");
    std::fs::create_dir_all(&context).unwrap();
    let step = "FROM base:1\nRUN [\"/tiny\", \"write\", \"/again\", \"1000\", \"again\"]\n";
    std::fs::write(context.join("Dockerfile"), step).unwrap();
    let build = || {
        let mut build = engine.client("docker");
        build.env("DOCKER_BUILDKIT", "1").args(["build", "--progress", "plain", "--network", "none"]).arg(&context);
        let out = build.output().unwrap();
        assert!(out.status.success(), "{}", complaint(&out));
        complaint(&out)
    };
    build();
    assert!(build().contains("CACHED"));
}
