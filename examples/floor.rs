//! What checking contents cannot do without, for measuring it: goes through the records of an overlay2 root in their order, on
//! as many threads as are asked for, and makes the streams. It compares nothing but the digest.
//!
//! ```text
//! floor LEVEL THREADS ROOT
//!     0  open, read, close and hash the files     2  ask for their attributes too     4  and for what links lead to, and have
//!     1  ask for the inodes, too                  3  enter and list directories, too
//! ```

use std::ffi::CString;
use std::fs::{File, read_dir, read_to_string};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use deadweight::format::tarsplit::{Limits, Piece, TarSplit};
use rustix::fs::{AtFlags, Mode, OFlags, RawDir, StatxFlags, flistxattr, llistxattr, openat, readlinkat, statx};
use sha2::{Digest as _, Sha256};

type Fault = Box<dyn std::error::Error + Send + Sync>;

struct Layer {
    files: PathBuf,
    record: PathBuf,
    diff: String,
    size: u64,
}

impl Layer {
    fn of(root: &Path, entry: &Path) -> Result<Self, Fault> {
        let text = |name: &str| read_to_string(entry.join(name)).map(|text| text.trim().to_owned());
        let record = entry.join("tar-split.json.gz");
        let size = text("size")?.parse::<u64>()?.saturating_add(record.metadata()?.len().saturating_mul(10));
        let files = root.join("overlay2").join(text("cache-id")?).join("diff");
        Ok(Self { files, record, diff: text("diff")?, size })
    }

    /// Whether the stream has the digest that it should have.
    fn make(&self, level: u8, buffer: &mut Vec<u8>) -> Result<bool, Fault> {
        let top = openat(rustix::fs::CWD, &self.files, FOLDER, Mode::empty())?;
        let mut way = Way { level, folders: vec![(Vec::new(), top)], buffer, hash: Sha256::new() };
        let mut record = TarSplit::new(File::open(&self.record)?, Limits::default());
        while let Some(piece) = record.next()? {
            match piece {
                Piece::Bytes(bytes) => way.hash.update(bytes),
                Piece::File { name, size, .. } => way.meet(name, size)?,
            }
        }
        while way.leave()? {}
        let digest: String = way.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(self.diff.strip_prefix("sha256:") == Some(&digest))
    }
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NOATIME);
const CONTENT: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NOATIME).union(OFlags::NONBLOCK);

struct Way<'b> {
    level: u8,
    folders: Vec<(Vec<u8>, OwnedFd)>,
    buffer: &'b mut Vec<u8>,
    hash: Sha256,
}

impl Way<'_> {
    fn meet(&mut self, name: &[u8], size: u64) -> Result<(), Fault> {
        let path = name.strip_suffix(b"/").unwrap_or(name);
        let cut = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let (folder, last) = path.split_at_checked(cut).unwrap_or_default();
        self.go_to(folder)?;
        let last = CString::new(last.strip_prefix(b"/").unwrap_or(last))?;
        let Some((_, at)) = self.folders.last() else { return Ok(()) };
        if path.len() < name.len() && self.level >= 3 {
            let folder = openat(at, &last, FOLDER, Mode::empty())?;
            statx(&folder, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
            self.folders.push((path.to_vec(), folder));
        } else if size > 0 {
            let file = openat(at, &last, CONTENT, Mode::empty())?;
            self.read(&file, size)?;
        } else if self.level >= 1
            // a whiteout has another name there
            && let Ok(inode) = statx(at, &last, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)
            && self.level >= 4
            && inode.stx_mode & 0o170_000 == 0o120_000
        {
            readlinkat(at, &last, Vec::new())?;
            rustix::process::fchdir(at)?;
            llistxattr(&last, &mut [0_u8; 256])?;
        }
        Ok(())
    }

    fn read(&mut self, file: &OwnedFd, size: u64) -> Result<(), Fault> {
        if self.level >= 1 {
            statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        }
        if self.level >= 2 {
            flistxattr(file, &mut [0_u8; 256])?;
        }
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left)?.min(self.buffer.len());
            let part = self.buffer.get_mut(..most).unwrap_or_default();
            let read = rustix::io::read(file, &mut *part)?;
            if read == 0 {
                return Err("a file is shorter than it was".into());
            }
            self.hash.update(part.get(..read).unwrap_or_default());
            left = left.saturating_sub(read as u64);
        }
        Ok(())
    }

    fn go_to(&mut self, folder: &[u8]) -> Result<(), Fault> {
        let holds = |above: &[u8]| match folder.strip_prefix(above) {
            Some(rest) => above.is_empty() || rest.is_empty() || rest.starts_with(b"/"),
            None => false,
        };
        while !self.folders.last().is_some_and(|(path, _)| holds(path)) && self.leave()? {}
        while let Some((path, at)) = self.folders.last()
            && let Some(rest) = folder.get(path.len()..).filter(|rest| !rest.is_empty())
        {
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            let name = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            let next = openat(at, CString::new(name)?, FOLDER, Mode::empty())?;
            let path = if path.is_empty() { name.to_vec() } else { [path, name].join(&b'/') };
            self.folders.push((path, next));
        }
        Ok(())
    }

    /// Leaves the last folder; whether there was one.
    fn leave(&mut self) -> Result<bool, Fault> {
        let Some((_, folder)) = self.folders.pop() else { return Ok(false) };
        if self.level >= 3 {
            flistxattr(&folder, &mut [0_u8; 256])?;
            let mut room = Vec::with_capacity(deadweight::disk::STEP_BUFFER);
            let mut listing = RawDir::new(folder.as_fd(), room.spare_capacity_mut());
            while let Some(name) = listing.next() {
                name?;
            }
        }
        Ok(true)
    }
}

fn main() -> Result<(), Fault> {
    let mut args = std::env::args().skip(1);
    let (Some(level), Some(threads), Some(root)) = (args.next(), args.next(), args.next()) else {
        return Err("floor LEVEL THREADS ROOT".into());
    };
    let (level, threads, root) = (level.parse::<u8>()?, threads.parse::<usize>()?, PathBuf::from(root));
    let entries = read_dir(root.join("image/overlay2/layerdb/sha256"))?;
    let layers = entries.map(|entry| Layer::of(&root, &entry?.path()));
    let mut layers = layers.collect::<Result<Vec<Layer>, Fault>>()?;
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.size));
    let (next, wrong) = (AtomicUsize::new(0), AtomicU64::new(0));
    let worker = || -> Result<(), Fault> {
        deadweight::disk::stand_alone();
        let mut buffer = vec![0; 256 << 10];
        while let Some(layer) = layers.get(next.fetch_add(1, Relaxed)) {
            wrong.fetch_add(u64::from(!layer.make(level, &mut buffer)?), Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|it| it.join().unwrap_or_else(|_| Err("a thread has failed".into())))
    })?;
    match wrong.into_inner() {
        0 => Ok(()),
        wrong => Err(format!("{wrong} of {} streams have another digest", layers.len()).into()),
    }
}
