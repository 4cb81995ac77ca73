//! What a chain itself says it has not.

use serde::Serialize;

use crate::chain::{Cut, GapReason, LossRecord};
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
    pub fn of(cut: &Cut, loss: &LossRecord) -> Loss {
        let rows = loss.objects.iter().map(|object| object.rows.saturating_sub(object.found)).sum();
        Loss { first: cut.first, next: cut.next, rows }
    }
}
