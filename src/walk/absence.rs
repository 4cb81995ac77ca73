//! What a chain itself says it has not.

use serde::Serialize;

use crate::chain::{Cut, CutObject, GapReason, LostObject};
use crate::domain::Offset;

/// Offsets that the archive never had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    pub first: Offset,
    pub next: Offset,
    pub reason: GapReason,
}

/// Rows of a cut that Kafka had dropped before they were uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The cut's.
    pub first: Offset,
    pub next: Offset,
    pub rows: u64,
}

impl Loss {
    /// Counts what the loss records of a cut name. Whoever came later may have found less.
    pub fn of(cut: &Cut, lost: &[LostObject]) -> Loss {
        let of_object = |object: &CutObject| {
            let told = lost.iter().filter(|lost| lost.key == object.key);
            told.map(|lost| lost.rows.saturating_sub(lost.found)).max().unwrap_or(0)
        };
        let rows = cut.objects.iter().map(of_object).sum();
        Loss { first: cut.first, next: cut.next, rows }
    }
}
