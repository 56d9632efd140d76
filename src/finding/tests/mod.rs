//! Rules, checked on small tables.

mod images;
mod pinned;
mod table;
mod withholding;
