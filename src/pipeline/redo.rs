//! The range of a cut that somebody decided and did not finish, read again.

use std::sync::Arc;

use super::pack::{Body, Making, Packing, Range, Workbench};
use crate::chain::{ChainId, Cut, CutObject};
use crate::domain::{Offset, RawBatch};
use crate::schema::Layout;

pub(super) struct Redo {
    cut: Cut,
    /// The cut's own layout, once it is here.
    pub(super) layout: Option<Arc<Layout>>,
    records: Range,
    /// Whether everything before the range's end was delivered or is no record any more.
    reached_end: bool,
    attempts: u32,
}

impl Redo {
    pub(super) fn new(cut: Cut, layout: Option<Arc<Layout>>) -> Redo {
        Redo { cut, layout, records: Range::default(), reached_end: false, attempts: 0 }
    }

    pub(super) fn nonce(&self) -> &str {
        &self.cut.nonce
    }

    pub(super) fn count_attempt(&mut self) -> u32 {
        self.attempts += 1;
        self.attempts
    }

    pub(super) fn push(&mut self, mut batch: RawBatch) {
        self.reached_end |= batch.records.last_offset().is_some_and(|last| last.following() >= self.cut.next);
        batch.records.drop_from(self.cut.next);
        if !batch.records.is_empty() {
            self.records.push(batch);
        }
    }

    /// The log was read up to `next`: compaction or retention may have taken the range's last record.
    pub(super) fn scanned(&mut self, next: Offset) {
        self.reached_end |= next >= self.cut.next;
    }

    /// Whether the log ends before the range does: it is another log now, or its leader does not know its end yet.
    pub(super) fn is_beyond(&self, stable_end: Offset) -> bool {
        !self.reached_end && stable_end < self.cut.next
    }

    pub(super) fn is_complete(&self) -> bool {
        self.layout.is_some() && self.reached_end
    }

    /// Packs what has come so far, if it is enough and the layout is here.
    pub(super) fn pack_ahead(&mut self, workbench: &Workbench, ours: Packing<'_>) -> Result<(), String> {
        let Some(layout) = &self.layout else { return Ok(()) };
        let packing = as_decided(ours, layout);
        self.records.pack_ahead(workbench, packing).map_err(|error| error.to_string())
    }

    /// Makes the range's objects again, and their bodies in the order of the cut's objects.
    pub(super) fn pack(
        mut self,
        workbench: &Workbench,
        chain: &ChainId,
        ours: Packing<'_>,
    ) -> Result<(Vec<CutObject>, Vec<Option<Body>>), String> {
        let layout = self.layout.ok_or("its layout was not fetched")?;
        let making = Making { chain, nonce: &self.cut.nonce, first: self.cut.first, next: Some(self.cut.next) };
        let packing = as_decided(ours, &layout);
        let packed = self.records.finish(workbench, packing, making).map_err(|error| error.to_string())?;
        if packed.as_ref().is_some_and(|packed| packed.rest.is_some()) {
            // Taken for complete, what is left out would look like a loss.
            return Err("this program would close the range earlier".to_owned());
        }
        let (objects, bodies) = packed.map(|packed| (packed.objects, packed.bodies)).unwrap_or_default();
        let mut made: Vec<_> = objects.iter().zip(bodies).collect();
        let in_order = self.cut.objects.iter().map(|object| {
            let at = made.iter().position(|(made, _)| object.key_matches(made))?;
            Some(made.swap_remove(at).1)
        });
        let bodies = in_order.collect();
        Ok((objects, bodies))
    }
}

/// Packs as the cut was decided: by its layout, in as many hours as it has.
fn as_decided<'a>(ours: Packing<'a>, layout: &'a Arc<Layout>) -> Packing<'a> {
    Packing { layout, max_hours: usize::MAX, ..ours }
}
