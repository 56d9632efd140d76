//! The way from the top of a tree to a directory, one name per directory, shared by all that lies below. A path is only
//! put together when there is something to say about it.

use std::ffi::{CStr, CString};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Trail {
    up: Option<Arc<Trail>>,
    name: CString,
    /// Which tree.
    tree: usize,
}

impl Trail {
    pub(super) fn top(tree: usize) -> Arc<Self> {
        Arc::new(Self { up: None, name: CString::default(), tree })
    }

    pub(super) fn below(up: &Arc<Self>, name: &CStr) -> Arc<Self> {
        Arc::new(Self { up: Some(up.clone()), name: name.to_owned(), tree: up.tree })
    }

    pub(super) fn up(&self) -> Option<&Arc<Self>> {
        self.up.as_ref()
    }

    pub(super) fn name(&self) -> &CStr {
        &self.name
    }

    pub(super) fn tree(&self) -> usize {
        self.tree
    }

    /// The names from the top down.
    pub(super) fn names(&self) -> Vec<&CStr> {
        let chain = std::iter::successors(Some(self), |trail| trail.up.as_deref());
        let mut names: Vec<&CStr> = chain.filter(|trail| trail.up.is_some()).map(Self::name).collect();
        names.reverse();
        names
    }
}

impl Drop for Trail {
    /// One after the other: a directory may lie deeper than a stack is long.
    fn drop(&mut self) {
        let mut up = self.up.take();
        while let Some(mut last) = up.and_then(Arc::into_inner) {
            up = last.up.take();
        }
    }
}
