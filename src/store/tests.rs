//! Surveys, checked.
