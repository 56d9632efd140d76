//! A record read ahead, so that its files can be fetched meanwhile.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use super::crew::{Crew, Errand, Fetched, Wanted};
use crate::format::tarsplit::{Piece, TarSplit, TarSplitError};
use crate::terms::Place;

/// Files in one batch, the bytes of their contents, and those of the record's own. Longer files are not fetched.
const FILES: usize = 32;
const BYTES: u64 = 64 << 10;
const TEXT: usize = 64 << 10;
/// The record's own bytes in all batches: one line may have megabytes.
const TEXT_AHEAD: usize = 1 << 20;

/// A piece that waits for its turn.
#[derive(Debug)]
pub(super) enum Kept {
    Bytes(Vec<u8>),
    File { name: Vec<u8>, size: u64, is_wanted: bool },
}

impl Kept {
    /// As it came, but for the sum, which only names what is wrong.
    pub(super) fn piece(&self) -> Piece<'_> {
        match self {
            Self::Bytes(bytes) => Piece::Bytes(bytes),
            Self::File { name, size, .. } => Piece::File { name, size: *size, sum: None },
        }
    }
}

/// Some pieces, and their files.
#[derive(Debug)]
struct Batch {
    pieces: Vec<Kept>,
    text: usize,
    errand: Arc<Errand>,
}

/// What has been read and not been used yet.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    batches: VecDeque<Batch>,
    text: usize,
    /// How the record ended.
    end: Option<Result<(), TarSplitError>>,
}

impl Ahead {
    /// Reads on while there is somebody to fetch what comes.
    pub(super) fn fill<R: Read>(&mut self, pieces: &mut TarSplit<R>, crew: &Crew, layer: &Place) {
        let room = crew.room();
        while self.end.is_none() && self.batches.len() < room && self.text < TEXT_AHEAD {
            self.read(pieces, crew, layer);
        }
    }

    fn read<R: Read>(&mut self, pieces: &mut TarSplit<R>, crew: &Crew, layer: &Place) {
        let (mut kept, mut wanted, mut text, mut bytes) = (Vec::new(), Vec::new(), 0_usize, 0_u64);
        while wanted.len() < FILES && bytes < BYTES && text < TEXT {
            match pieces.next() {
                Ok(None) => self.end = Some(Ok(())),
                Err(cause) => self.end = Some(Err(cause)),
                Ok(Some(Piece::Bytes(part))) => {
                    text = text.saturating_add(part.len());
                    kept.push(Kept::Bytes(part.to_vec()));
                    continue;
                }
                Ok(Some(Piece::File { name, size, .. })) => {
                    text = text.saturating_add(name.len());
                    let is_wanted = (1..=BYTES).contains(&size);
                    if is_wanted {
                        bytes = bytes.saturating_add(size);
                        wanted.push(Wanted { name: name.to_vec(), size });
                    }
                    kept.push(Kept::File { name: name.to_vec(), size, is_wanted });
                    continue;
                }
            }
            break;
        }
        self.text = self.text.saturating_add(text);
        self.batches.push_back(Batch { pieces: kept, text, errand: crew.post(layer, wanted) });
    }

    /// The pieces that come next, each with its file if that was fetched.
    pub(super) fn next(&mut self) -> Option<impl Iterator<Item = (Kept, Option<Fetched>)> + use<>> {
        let Batch { pieces, text, errand } = self.batches.pop_front()?;
        self.text = self.text.saturating_sub(text);
        let mut fetched = errand.result().into_iter();
        Some(pieces.into_iter().map(move |piece| match piece {
            Kept::File { is_wanted: true, .. } => (piece, fetched.next().flatten()),
            _ => (piece, None),
        }))
    }

    /// How the record ended, when all that came before is used up.
    pub(super) fn end(&mut self) -> Option<Result<(), TarSplitError>> {
        if self.batches.is_empty() { self.end.take() } else { None }
    }
}

impl Drop for Ahead {
    /// Whoever stops early wants nothing more.
    fn drop(&mut self) {
        self.batches.drain(..).for_each(|batch| drop(batch.errand.result()));
    }
}
