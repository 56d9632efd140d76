//! Rules, checked on small tables.

mod cache;
mod images;
mod pinned;
mod remains;
mod table;
mod volumes;
mod withholding;
