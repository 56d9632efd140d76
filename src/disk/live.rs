//! Whether a daemon works on a root while we read it: a running dockerd holds `flock`s on its databases, and the
//! kernel lists locks by inode. Asking for a lock ourselves would be no answer; it could stop a daemon from starting.

use super::Stat;

/// Whether some process holds a lock on this inode, which the kernel lists by the device of its file system.
pub(super) fn is_flocked(stat: &Stat, device: Option<(u32, u32)>) -> bool {
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    locks.lines().any(|line| holds(line, stat.dev, stat.ino) || device.is_some_and(|dev| holds(line, dev, stat.ino)))
}

/// `1: FLOCK  ADVISORY  WRITE 1234 fd:00:5678 0 EOF`
fn holds(line: &str, device: (u32, u32), number: u64) -> bool {
    let mut inode = line.split_whitespace().nth(5).unwrap_or_default().split(':');
    let mut hex = || inode.next().and_then(|part| u32::from_str_radix(part, 16).ok());
    let dev = (hex(), hex());
    dev == (Some(device.0), Some(device.1)) && inode.next().and_then(|n| n.parse().ok()) == Some(number)
}
