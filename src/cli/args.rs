//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

/// Where a Docker host's disk went: who owns every byte, why it is kept, what Docker does not show, what frees it.
#[derive(Debug, Parser)]
#[command(name = "deadweight", version, max_term_width = 100, after_help = AFTER)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const AFTER: &str = "Exit status: 0 done and complete; 1 done, and something asked for was found or is not there; \
2 usage; 3 the root could not be read; 4 done, but the answer is partial.\n\n\
deadweight never writes below a data root. Sizes are Docker's: 1 kB is 1000 bytes.";

/// Options of every command; they may stand before or after its arguments.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// Data root to read [default: data-root of daemon.json, else /var/lib/docker]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    /// File system of another host, mounted here: etc/docker/daemon.json, var/lib/docker and var/lib/containerd are
    /// looked up below it
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "root")]
    pub(super) host: Option<PathBuf>,
    /// containerd's root, where it is not inside the data root
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) containerd_root: Option<PathBuf>,
    /// Answer for the data root inside a volume or container: its name in `report`, such as docker/volumes/inner/_data, or
    /// the name of that volume or container
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) nested: Option<String>,
    /// daemon.json to go by
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) daemon_config: Option<PathBuf>,
    /// Engine version whose numbers to compute [default: inferred from the disk]
    #[arg(long, global = true, value_name = "VERSION")]
    pub(super) engine: Option<String>,
    /// Time to judge ages and leases against, RFC 3339 [default: the clock]
    #[arg(long, global = true, value_name = "TIME")]
    pub(super) now: Option<String>,
    /// For people, for programs, or for Graphviz (`graph` alone)
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
    /// Sizes in bytes
    #[arg(long, global = true)]
    pub(super) bytes: bool,
    /// Whole IDs and names
    #[arg(long, global = true)]
    pub(super) no_trunc: bool,
    /// IDs only
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Threads of the walk [default: 8 for each core, 16 to 64]
    #[arg(short, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,
    /// Of ls images, containers and volumes, as Docker's: dangling=true, reference=web:*, label=key=value, before=IMAGE,
    /// since=IMAGE, until=24h, ancestor=IMAGE, status=exited, volume=NAME, name=REGEX, driver=local. The same key twice:
    /// either value will do (of labels: all); several keys: all of them
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(super) filter: Vec<String>,
    /// Only what belongs to this store
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) store: Option<String>,
    /// No progress on the terminal
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
    Dot,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Where the disk is, what Docker does not show, why it is kept, what frees it (the default)
    Report {
        /// Exit with 1 if this class of findings is there (of at least this size)
        #[arg(long, value_name = "CLASS[:SIZE]")]
        fail_on: Vec<String>,
    },
    /// Which stores lie here, which is active and why, what could not be read
    Status,
    /// What `docker system df` says, and the rows it leaves out
    Df {
        /// One row an object
        #[arg(short, long)]
        verbose: bool,
        /// JSON in the shape of this version of the engine's API, such as 1.51 [default: the engine's newest]
        #[arg(long, value_name = "VERSION")]
        api_version: Option<String>,
    },
    /// One row an object: own, shared and retained bytes, and what keeps it
    Ls(Ls),
    /// Every path from a root to an object: an image, container, layer, volume, cache record, or any path on disk
    Why {
        /// What to explain; `-` reads one path a line from standard input
        object: OsString,
    },
    /// The reference graph
    Graph,
    /// What removals would free, one after the other: paths, bytes, and what Docker would say or refuse
    WhatIf {
        /// A removal as typed after `docker`, in quotes: "rm -v web" "image prune -f"
        #[arg(required = true, value_name = "ACTION")]
        actions: Vec<String>,
    },
    /// Which removals free that much with the least harm, and why each; nothing is run
    Plan(super::plan::Plan),
    /// Carries removals out through the Docker CLI: shows, asks, looks again, runs, measures
    Reclaim(super::reclaim::Reclaim),
    /// Is everything there that is referred to, and does nothing contradict it; with --content: is every layer still the
    /// bytes it was
    Check(super::check::Check),
}

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("listed").required(true).multiple(false))]
pub(super) struct Ls {
    #[arg(value_enum, group = "listed")]
    pub(super) what: Option<What>,
    /// Paths that nothing keeps, a line each
    #[arg(long, group = "listed")]
    pub(super) dead: bool,
    /// Paths that something keeps, a line each
    #[arg(long, group = "listed")]
    pub(super) live: bool,
    /// What keeps things alive by itself, a line each
    #[arg(long, group = "listed")]
    pub(super) roots: bool,
    /// JSON of images and containers in the shape of this version of the engine's API [default: the engine's newest]
    #[arg(long, value_name = "VERSION")]
    pub(super) api_version: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    Images,
    Containers,
    Layers,
    Volumes,
    Cache,
    Logs,
}
