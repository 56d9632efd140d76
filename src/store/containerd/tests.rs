//! containerd stores, drawn.
