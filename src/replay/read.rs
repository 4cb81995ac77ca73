//! From objects to records in offset order, each object checked against its digest before a record of it is let go.

use futures::{StreamExt, TryStreamExt, stream};

use super::damage::{Damage, DamageKind};
use super::plan::PlannedRange;
use crate::chain::{ChainId, Cut, CutObject, LostObject, cut_key};
use crate::domain::{Digest, OffsetRange, Record, Records};
use crate::store::StoreError;
use crate::walk::{Fetch, FoundLayout, Layouts, Unproven, Window, prove, read_losses, wanted};

/// Objects of one cut that are fetched and decoded at a time.
const OBJECTS_AT_ONCE: usize = 4;

/// The records of one range that lie in the window, in offset order, each proven by its object's digest.
#[derive(Debug)]
pub struct ProvenRange {
    pub chain: ChainId,
    pub range: OffsetRange,
    /// One per object.
    parts: Vec<Records>,
    /// (part, index) in offset order.
    order: Vec<(usize, usize)>,
    /// Rows read to prove the range, inside the window or not.
    pub rows_read: u64,
    /// Rows of the objects read that a loss record explains the absence of.
    pub rows_lost: u64,
}

impl ProvenRange {
    /// A range as if it had been read.
    #[cfg(test)]
    pub(super) fn of(chain: ChainId, records: Records) -> ProvenRange {
        let (first, last) = (records.first_offset().unwrap(), records.last_offset().unwrap());
        let range = OffsetRange::new(first, last.following()).unwrap();
        let order = (0..records.len()).map(|at| (0, at)).collect();
        ProvenRange { chain, range, rows_read: records.len() as u64, parts: vec![records], order, rows_lost: 0 }
    }

    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Send {
        self.order.iter().map(|&(part, at)| self.parts[part].get(at))
    }
}

/// Why a range was not read.
#[derive(Debug)]
pub(super) enum Unread {
    Damaged(Box<Damage>),
    Store(StoreError),
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Unread {
        Unread::Store(error)
    }
}

/// Reads and proves one range.
pub(super) async fn read_range(
    fetch: &Fetch,
    layouts: &Layouts,
    chain: &ChainId,
    planned: &PlannedRange,
    window: &Window,
) -> Result<ProvenRange, Unread> {
    let range = planned.range;
    let damaged =
        |kind, key: &str, detail: String| Unread::Damaged(Box::new(Damage::new(kind, chain, Some(range), key, detail)));
    let key = cut_key(chain, range.first());
    let bytes = fetch.get(&key).await?.unwrap_or_default();
    if Digest::of(&bytes) != planned.record {
        return Err(damaged(DamageKind::ChangedRecord, &key, "since the replay was planned".into()));
    }
    let unreadable = |error: crate::chain::CutError| damaged(DamageKind::UnreadableRecord, &key, error.to_string());
    let cut = Cut::parse(&key, &bytes).map_err(unreadable)?;
    let lost = match planned.has_loss {
        true => read_losses(fetch, chain, range.first(), planned.record).await?.map_err(unreadable)?,
        false => Vec::new(),
    };
    let layout = match cut.layout {
        Some(fingerprint) => layouts.get(fetch, fingerprint).await?,
        None => Err("its cut names no layout".to_owned()),
    };
    let objects: Vec<CutObject> = wanted(window, &cut).cloned().collect();
    let rows: u64 = objects.iter().map(|object| object.rows).sum();
    let read = stream::iter(objects).map(|object| {
        let loss: Vec<_> = lost.iter().filter(|lost| lost.key == object.key).cloned().collect();
        let layout = layout.clone();
        async move {
            let outcome = read_object(fetch, layout, &object, &loss).await?;
            outcome.map_err(|(kind, detail)| damaged(kind, &object.key, detail))
        }
    });
    let parts: Vec<Records> = read.buffered(OBJECTS_AT_ONCE).try_collect().await?;
    let order = merge(&parts, window).map_err(|detail| damaged(DamageKind::WrongRecords, &key, detail))?;
    let rows_read = parts.iter().map(|part| part.len() as u64).sum();
    Ok(ProvenRange { chain: chain.clone(), range, parts, order, rows_read, rows_lost: rows.saturating_sub(rows_read) })
}

/// Returns the records of an object, or what is wrong with it.
async fn read_object(
    fetch: &Fetch,
    layout: FoundLayout,
    object: &CutObject,
    lost: &[LostObject],
) -> Result<Result<Records, (DamageKind, String)>, StoreError> {
    let Some(bytes) = fetch.get(&object.key).await? else {
        // Whoever came after the loss record was written may have found nothing left of an object it names.
        return Ok(match lost {
            [] => Err((DamageKind::MissingObject, String::new())),
            _ => Ok(Records::default()),
        });
    };
    // Whoever wrote the loss record may have been overtaken by one who could still write the whole object.
    let mut expected = vec![(object.rows, object.digest)];
    expected.extend(lost.iter().map(|lost| (lost.found, lost.digest)));
    let kind = object.kind;
    let proven = tokio::task::spawn_blocking(move || prove(bytes, kind, &layout, &expected)).await;
    Ok(proven.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())).map_err(told))
}

fn told(unproven: Unproven) -> (DamageKind, String) {
    match unproven {
        Unproven::Layout(cause) => (DamageKind::UnreadableLayout, cause),
        Unproven::Unreadable(cause) => (DamageKind::UnreadableObject, cause),
        Unproven::Wrong(cause) => (DamageKind::WrongRecords, cause),
    }
}

/// Returns where the window's records stand, in offset order.
fn merge(parts: &[Records], window: &Window) -> Result<Vec<(usize, usize)>, String> {
    let rows = |part: usize| parts[part].iter().enumerate().map(move |(at, record)| (record.offset, part, at, record));
    let mut order: Vec<_> = (0..parts.len())
        .flat_map(rows)
        .filter(|(.., record)| window.admits(record))
        .map(|(offset, part, at, _)| (offset, part, at))
        .collect();
    order.sort_unstable();
    match order.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(format!("offset {} stands in two objects", pair[0].0)),
        None => Ok(order.into_iter().map(|(_, part, at)| (part, at)).collect()),
    }
}
