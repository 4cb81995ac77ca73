//! Designs that look right.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {}
