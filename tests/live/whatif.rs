//! Random sequences of removals on a real engine: what was predicted of each is what then goes, path by path, with its bytes
//! and inodes, and what the engine refuses is what we said it would.
//!
//! `DEADWEIGHT_SEED` repeats a campaign, `DEADWEIGHT_LIVE=full` makes it ten times as long.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::engine::{Engine, absent};
use crate::{run, tree};

/// SplitMix64: enough to choose by, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        from.get(self.below(from.len()))
    }
}

/// A path with what tells whether it is freed, and when it was last written.
type Snapshot = BTreeMap<PathBuf, (u64, u64, u64, i64)>;

fn mounts_below(root: &Path) -> BTreeSet<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    places.filter(|at| at != root && at.starts_with(root)).collect()
}

/// Device, inode, bytes and date of every path below the roots that lies on no other mount.
fn snapshot(engine: &Engine) -> Snapshot {
    let mounts: BTreeSet<PathBuf> = engine.roots().iter().flat_map(|root| mounts_below(root)).collect();
    let walks = engine.roots().into_iter().map(walkdir::WalkDir::new);
    let walk = walks.flat_map(|walk| walk.into_iter().filter_entry(|entry| !mounts.contains(entry.path())));
    let inside = |path: &Path| path.strip_prefix(engine.dir()).unwrap().to_owned();
    // what the engine removes meanwhile is not there
    walk.filter_map(Result::ok)
        .filter_map(|entry| {
            let stat = entry.path().symlink_metadata().ok()?;
            let nanos = stat.mtime() * 1_000_000_000 + stat.mtime_nsec();
            Some((inside(entry.path()), (stat.dev(), stat.ino(), stat.blocks() * 512, nanos)))
        })
        .collect()
}

/// Taken again until nothing moves.
fn settled(engine: &Engine) -> Snapshot {
    let mut last = snapshot(engine);
    for _ in 0..50 {
        std::thread::sleep(Duration::from_millis(120));
        let next = snapshot(engine);
        if next == last {
            return next;
        }
        last = next;
    }
    last
}

/// The topmost paths that are gone, their bytes and inodes; without what any moment may take.
fn gone(before: &Snapshot, after: &Snapshot, noise: &BTreeSet<String>) -> (BTreeSet<String>, u64, u64) {
    let is_noise = |path: &Path| path.ancestors().any(|above| noise.contains(&above.display().to_string()));
    let missing = before.keys().map(PathBuf::as_path).filter(|path| !after.contains_key(*path));
    let missing: BTreeSet<&Path> = missing.filter(|path| !is_noise(path)).collect();
    let top = |path: &&Path| !path.ancestors().skip(1).any(|above| missing.contains(above));
    let inodes: BTreeMap<(u64, u64), u64> =
        missing.iter().map(|path| before[*path]).map(|(dev, ino, bytes, _)| ((dev, ino), bytes)).collect();
    let tops = missing.iter().copied().filter(top).map(|path| path.display().to_string()).collect();
    (tops, inodes.values().sum(), inodes.len() as u64)
}

/// What a lease of a build decides, which ends at some time within the hours to come: what goes with whatever collection
/// comes then, and what goes with another of these actions.
fn passing(engine: &Engine, version: &str, actions: &[String], answer: &Value) -> BTreeSet<String> {
    let hours = jiff::SignedDuration::from_hours(2);
    let later = predicted(engine, version, &(jiff::Timestamp::now() + hours).to_string(), actions);
    let paths = |list: &Value| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
    };
    let at_any = ["also_at_next_collection", "by_a_start"].into_iter().flat_map(|name| paths(&later[name]));
    let mut passing: BTreeSet<String> = at_any.collect();
    let steps = answer["steps"].as_array().unwrap().iter().zip(later["steps"].as_array().unwrap());
    for (now, then) in steps {
        passing.extend(paths(&now["removes"]).symmetric_difference(&paths(&then["removes"])).cloned());
    }
    passing
}

/// What lies on the engine, by the names one would type.
#[derive(Debug)]
struct Stock {
    containers: Vec<String>,
    container_ids: Vec<String>,
    tags: Vec<String>,
    image_ids: Vec<String>,
    volumes: Vec<String>,
}

impl Stock {
    fn of(engine: &Engine) -> Self {
        let texts = |value: &Value, key: &str| -> Vec<String> {
            let rows = value.as_array().into_iter().flatten();
            rows.filter_map(|row| Some(row[key].as_str()?.to_owned())).collect()
        };
        let containers = engine.json("/containers/json?all=1");
        let images = engine.json("/images/json?all=1");
        let volumes = engine.json("/volumes");
        let firsts = |rows: &Value, key: &str| -> Vec<String> {
            let rows = rows.as_array().into_iter().flatten();
            let names = rows.flat_map(|row| row[key].as_array().cloned().unwrap_or_default());
            names.filter_map(|name| Some(name.as_str()?.trim_start_matches('/').to_owned())).collect()
        };
        let mut tags = firsts(&images, "RepoTags");
        tags.retain(|tag| tag != "<none>:<none>");
        let mut stock = Self {
            containers: firsts(&containers, "Names"),
            container_ids: texts(&containers, "Id"),
            tags,
            image_ids: texts(&images, "Id"),
            volumes: texts(&volumes["Volumes"], "Name"),
        };
        let lists = [
            &mut stock.containers,
            &mut stock.container_ids,
            &mut stock.tags,
            &mut stock.image_ids,
            &mut stock.volumes,
        ];
        lists.into_iter().for_each(|list| list.sort());
        stock
    }
}

/// Makes things, and things to remove them by.
struct Play<'e> {
    engine: &'e Engine,
    dice: Dice,
    made: usize,
}

impl Play<'_> {
    fn docker(&self, args: &[&str]) -> (bool, String) {
        self.engine.docker(args)
    }

    fn name(&mut self, stem: &str) -> String {
        self.made += 1;
        format!("{stem}{}", self.made)
    }

    /// The base of everything, if it is gone.
    fn ground(&self) {
        if !self.docker(&["image", "inspect", "base:1"]).0 {
            let archive = self.engine.dir().join("base.tar");
            assert!(self.docker(&["load", "-i", archive.to_str().unwrap()]).0);
        }
    }

    fn tag(&mut self) -> String {
        let tags = Stock::of(self.engine).tags;
        self.dice.pick(&tags).cloned().unwrap_or_else(|| "base:1".to_owned())
    }

    /// One more thing, of any kind.
    fn make(&mut self) {
        self.ground();
        match self.dice.below(12) {
            0..=2 => self.build(false),
            3 | 4 => self.build(true),
            5 | 6 => {
                let (from, to) = (self.tag(), self.name("also"));
                let repository = if self.dice.one_in(2) { "team/app".to_owned() } else { to.clone() };
                self.docker(&["tag", &from, &format!("{repository}:{to}")]);
            }
            7 => {
                let name = self.name("vol");
                let label = format!("keep={}", self.dice.below(2));
                let mut args = vec!["volume", "create", "--label", &label, &name];
                if self.dice.one_in(4) {
                    args.extend(["-o", "type=tmpfs", "-o", "device=tmpfs"]);
                }
                self.docker(&args);
            }
            8 => {
                let stock = Stock::of(self.engine);
                if let Some(container) = self.dice.pick(&stock.containers).cloned() {
                    let name = self.name("commit");
                    self.docker(&["commit", &container, &format!("{name}:1")]);
                }
            }
            _ => self.container(),
        }
    }

    /// A build on something that is there; now and then it takes the name of another, or none.
    fn build(&mut self, kit: bool) {
        let from = self.tag();
        let name = self.name("built");
        let context = self.engine.dir().join("context");
        std::fs::create_dir_all(&context).unwrap();
        let mut recipe = format!("FROM {from}\nLABEL owner={}\n", ["a", "b"][self.dice.below(2)]);
        for _ in 0..=self.dice.below(2) {
            let (file, bytes) = (self.name("f"), 5000 + self.dice.below(90_000));
            recipe += &format!("RUN [\"/tiny\", \"write\", \"/{file}\", \"{bytes}\", \"{file}\"]\n");
        }
        std::fs::write(context.join("Dockerfile"), recipe).unwrap();
        let tag = match self.dice.below(6) {
            0 => self.tag(),
            _ => format!("{name}:1"),
        };
        let mut build = self.engine.client("docker");
        build.env("DOCKER_BUILDKIT", if kit { "1" } else { "0" }).args(["build", "-q", "--network", "none"]);
        if !self.dice.one_in(7) {
            build.args(["-t", &tag]);
        }
        build.arg(&context).output().unwrap();
    }

    fn container(&mut self) {
        let (from, name) = (self.tag(), self.name("c"));
        let label = format!("keep={}", self.dice.below(2));
        let named = format!("data{}:/data", self.dice.below(3));
        let how = self.dice.below(4);
        let mut args =
            vec![if how == 0 { "create" } else { "run" }, "--network", "none", "--name", &name, "--label", &label];
        if how == 1 {
            args.push("-d");
        }
        if self.dice.one_in(2) {
            args.extend(["-v", "/anon"]);
        }
        if self.dice.one_in(3) {
            args.extend(["-v", &named]);
        }
        args.push(&from);
        args.extend(if how == 1 {
            ["/tiny", "sleep", "900"].as_slice()
        } else {
            &["/tiny", "write", "/rw", "20000", "rw"]
        });
        self.docker(&args);
        if how > 1 && self.dice.one_in(3) {
            self.docker(&["rmi", "-f", &from]);
        }
    }

    /// One of the kinds that must come up often, in turn.
    fn kind(&mut self, turn: usize, stock: &Stock) -> String {
        let mut any = |list: &[String]| self.dice.pick(list).cloned().unwrap_or_else(|| "nothing-there".to_owned());
        match turn % KINDS.len() {
            0 => format!("rmi -f {}", any(&stock.tags)),
            1 => format!("rmi -f {}", any(&stock.image_ids)),
            2 => format!("rm -f {}", any(&stock.containers)),
            3 => format!("volume rm {}", any(&stock.volumes)),
            _ => {
                let what =
                    any(&["container prune -f", "image prune -f", "image prune -fa", "volume prune -f"]
                        .map(str::to_owned));
                let filter = any(&["label=keep=1", "label!=keep", "label=owner=a"].map(str::to_owned));
                format!("{what} --filter {filter}")
            }
        }
    }

    /// Something to do, as one would type it.
    fn action(&mut self, stock: &Stock, since: &str) -> String {
        let filter = match self.dice.below(8) {
            0 => " --filter label=keep=1",
            1 => " --filter label!=keep",
            2 => " --filter label=owner=a --filter label!=keep=0",
            3 => " --filter until=1h",
            4 => &format!(" --filter until={since}"),
            _ => "",
        };
        let of_volumes = filter.split(" --filter until").next().unwrap();
        let mut any = |list: &[String], ids: &[String]| {
            let short = |id: &String| id.trim_start_matches("sha256:")[..12].to_owned();
            match self.dice.below(4) {
                0 => self.dice.pick(ids).map(short),
                1 => self.dice.pick(ids).cloned(),
                _ => self.dice.pick(list).cloned(),
            }
            .unwrap_or_else(|| "nothing-there".to_owned())
        };
        let container = any(&stock.containers, &stock.container_ids);
        // the CLI asks for all at once, and one of two that mean the same container would fail by chance
        let (one, other) = match stock.containers.as_slice() {
            [one, .., other] => (one.as_str(), other.as_str()),
            _ => ("nothing-there", "nor-there"),
        };
        let image = any(&stock.tags, &stock.image_ids);
        let tag = self.dice.pick(&stock.tags).cloned().unwrap_or_else(|| "no:1".to_owned());
        let id = self.dice.pick(&stock.image_ids).cloned().unwrap_or_else(|| "no:1".to_owned());
        let volume = self.dice.pick(&stock.volumes).cloned().unwrap_or_else(|| "no-volume".to_owned());
        match self.dice.below(22) {
            0 => format!("rm {container}"),
            1 => format!("rm -f {container}"),
            2 => format!("container rm -fv {one} {other}"),
            3 => format!("rm -v {container}"),
            4 => format!("rmi {image}"),
            5 | 6 => format!("rmi -f {tag}"),
            7 | 8 => format!("image rm --force {id}"),
            9 => format!("rmi --no-prune {image} {tag}"),
            10 | 11 => format!("volume rm {volume}"),
            12 => format!("image prune -f{filter}"),
            13 => format!("image prune -af{filter}"),
            14 | 15 => format!("container prune -f{filter}"),
            16 => format!("volume prune -f{of_volumes}"),
            17 => "builder prune -f".to_owned(),
            18 => "builder prune -af".to_owned(),
            19 => format!("builder prune -af --filter until={}", ["1h", "0s"][self.dice.below(2)]),
            20 => format!("system prune -f{filter}"),
            _ => format!("system prune -af{of_volumes}"),
        }
    }
}

/// What we say of some actions at some time.
fn predicted(engine: &Engine, version: &str, now: &str, actions: &[String]) -> Value {
    let mut args = vec!["what-if", "--format", "json", "--engine", version, "--now", now];
    args.extend(actions.iter().map(String::as_str));
    let said = run::deadweight_now(engine.dir(), &args);
    assert!(said.err.is_empty(), "{}", said.err);
    said.json()
}

fn check(
    step: &Value,
    ok: bool,
    said: &str,
    went: &(BTreeSet<String>, u64, u64),
    noise: &BTreeSet<String>,
) -> Vec<String> {
    let (paths, bytes, inodes) = went;
    let mut wrong = Vec::new();
    let ours: BTreeSet<String> =
        step["removes"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect();
    wrong.extend(paths.difference(&ours).map(|path| format!("went unpredicted: {path}")));
    let is_noise = |path: &&String| noise.contains(*path);
    let stayed = ours.difference(paths).filter(|path| !is_noise(path));
    wrong.extend(stayed.map(|path| format!("predicted to go, and stayed: {path}")));
    let is_certain = !ours.iter().any(|path| is_noise(&path));
    if is_certain && (step["on_disk_bytes"].as_u64(), step["inodes"].as_u64()) != (Some(*bytes), Some(*inodes)) {
        wrong.push(format!(
            "{bytes} bytes in {inodes} inodes, predicted {} in {}",
            step["on_disk_bytes"], step["inodes"]
        ));
    }
    if ok == matches!(step["outcome"].as_str(), Some("refused" | "partly")) {
        wrong.push(format!("outcome {}; the engine: {said}", step["outcome"]));
    }
    wrong
}

/// Whether an action is of a kind.
type Is = fn(&str) -> bool;

/// Kinds of removal that a campaign must not leave to chance, and how to know them.
const KINDS: [(&str, Is); 5] = [
    ("rmi -f NAME", |action| is_forced_rmi(action) && !action.contains("sha256:")),
    ("rmi -f ID", |action| is_forced_rmi(action) && action.contains("sha256:")),
    ("rm -f", |action| action.contains("rm -f") && !action.contains("rmi")),
    ("volume rm", |action| action.starts_with("volume rm")),
    ("a filter", |action| action.contains("--filter")),
];

fn is_forced_rmi(action: &str) -> bool {
    action.starts_with("rmi -f") || action.starts_with("image rm --force")
}

/// What the graph had of a place before it went, to tell from what is printed why a prediction failed.
fn about(path: &str, graph: &[u8]) -> Vec<String> {
    let graph: Value = serde_json::from_slice(graph).unwrap();
    let name = path.rsplit('/').next().unwrap();
    let lists = graph.as_object().unwrap().values().filter_map(Value::as_array).flatten();
    lists
        .map(Value::to_string)
        .filter(|line| line.contains(name))
        .map(|line| format!("  the graph had {line}"))
        .collect()
}

/// One sequence; what was wrong with its prediction.
fn sequence(
    engine: &mut Engine,
    dice: Dice,
    version: &str,
    made: &mut usize,
    number: usize,
) -> (Vec<String>, Vec<String>, Dice) {
    let mut play = Play { engine, dice, made: *made };
    let count = 3 + play.dice.below(6);
    let since = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap().to_string();
    (0..count).for_each(|_| play.make());
    let stock = Stock::of(play.engine);
    let length = 1 + play.dice.below(5);
    let mut actions: Vec<String> = (0..length).map(|_| play.action(&stock, &since)).collect();
    // two kinds take their turn in every sequence, so that each comes up often enough
    for (turn, action) in [number, number + 2].into_iter().zip(&mut actions) {
        *action = play.kind(turn, &stock);
    }
    *made = play.made;
    let mut dice = play.dice;
    // now and then the disk of an engine that is not at work
    let offline = dice.one_in(4);
    if offline {
        engine.stop();
    }
    // a build that has ended is tidied up after for a moment
    let known = settled(engine);
    let answer = predicted(engine, version, &jiff::Timestamp::now().to_string(), &actions);
    let noise = passing(engine, version, &actions, &answer);
    let graph = run::deadweight_now(engine.dir(), &["graph", "--format", "json"]).out;
    if offline {
        engine.boot();
    }
    let mut before = settled(engine);
    let mut wrong = Vec::new();
    for (action, step) in actions.iter().zip(answer["steps"].as_array().unwrap()) {
        let words: Vec<&str> = action.split(' ').collect();
        let (ok, said) = engine.docker(&words);
        let after = settled(engine);
        // of what was made since nothing was said
        before.retain(|path, _| known.contains_key(path));
        let went = gone(&before, &after, &noise);
        let known = wrong.len();
        wrong
            .extend(check(step, ok, &said, &went, &noise).into_iter().map(|wrong| format!("docker {action}: {wrong}")));
        if wrong.len() > known {
            wrong.extend(went.0.iter().flat_map(|path| about(path, &graph)));
        }
        before = after;
    }
    if !wrong.is_empty() {
        wrong.push(format!("in the sequence {actions:#?}, offline: {offline}"));
    }
    (actions, wrong, dice)
}

#[test]
fn random_sequences_of_removals_go_as_predicted() {
    match absent() {
        Some(why) => println!("{why}"),
        None => campaign(Engine::start("overlay2"), "vfs"),
    }
}

#[test]
fn random_sequences_of_removals_from_containerds_store_go_as_predicted() {
    match tree::absent() {
        Some(why) => println!("{why}"),
        None => campaign(Engine::start_stored(false), "containerd"),
    }
}

/// Random sequences on an engine, which starts with what a recipe makes.
fn campaign(mut engine: Engine, recipe: &str) {
    let given = std::env::var("DEADWEIGHT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| u64::from(std::process::id()));
    let full = std::env::var("DEADWEIGHT_LIVE").is_ok_and(|word| word == "full");
    let sequences = if full { 200 } else { 20 };
    println!("{sequences} sequences of removals, DEADWEIGHT_SEED={seed}");
    engine.recipe(recipe);
    let archive = engine.dir().join("base.tar");
    assert!(engine.docker(&["save", "-o", archive.to_str().unwrap(), "base:1"]).0);
    let version = engine.version();
    let (mut dice, mut made, mut asked) = (Dice(seed), 0, Vec::new());
    for number in 1..=sequences {
        let (actions, wrong, next) = sequence(&mut engine, dice, &version, &mut made, number);
        assert!(wrong.is_empty(), "sequence {number} of DEADWEIGHT_SEED={seed}:\n{}", wrong.join("\n"));
        dice = next;
        asked.push(actions);
    }
    for (kind, is) in KINDS {
        let share = asked.iter().filter(|actions| actions.iter().any(|action| is(action))).count();
        println!("{share} of {sequences} sequences have {kind}");
        assert!(share * 4 >= sequences, "{kind} comes up too seldom to say anything of it");
    }
}
