//! What readers prune by: the bounds of a column chunk and of its pages, and where the pages stand.

use parquet::basic::{BoundaryOrder, Encoding, Type};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::statistics::Statistics;

/// What is to be known of a page that has been written.
pub struct PageFacts {
    pub encoding: Encoding,
    pub rows: usize,
    pub entries: usize,
    pub nulls: usize,
    /// As it stands in the object.
    pub bytes: usize,
    /// Of columns with statistics.
    pub bounds: Bounds,
}

/// The least and the greatest of some numbers; nothing of none.
#[derive(Clone, Copy, Default)]
pub struct Bounds(Option<(i64, i64)>);

impl Bounds {
    pub fn extend(&mut self, numbers: &[i64]) {
        let Some(first) = numbers.first() else { return };
        let (least, greatest) = numbers.iter().fold(self.0.unwrap_or((*first, *first)), |(least, greatest), number| {
            (least.min(*number), greatest.max(*number))
        });
        self.0 = Some((least, greatest));
    }
}

pub fn statistics(pages: &[PageFacts]) -> Statistics {
    let bounds = || pages.iter().filter_map(|page| page.bounds.0);
    let nulls: usize = pages.iter().map(|page| page.nulls).sum();
    let (least, greatest) = (bounds().map(|(least, _)| least).min(), bounds().map(|(_, greatest)| greatest).max());
    Statistics::int64(least, greatest, None, Some(nulls as u64), false)
}

/// Returns the bounds of each page.
pub fn columns(pages: &[PageFacts]) -> Result<ColumnIndexMetaData> {
    let mut builder = ColumnIndexBuilder::new(Type::INT64);
    for page in pages {
        let bytes = |bound: Option<i64>| bound.map_or_else(Vec::new, |bound| bound.to_le_bytes().to_vec());
        let (least, greatest) = (page.bounds.0.map(|(least, _)| least), page.bounds.0.map(|(_, greatest)| greatest));
        builder.append(least.is_none(), bytes(least), bytes(greatest), page.nulls as i64, None);
    }
    builder.set_boundary_order(order(pages.iter().filter_map(|page| page.bounds.0)));
    builder.build()
}

fn order(bounds: impl Iterator<Item = (i64, i64)>) -> BoundaryOrder {
    let bounds: Vec<_> = bounds.collect();
    let all = |in_order: fn(i64, i64) -> bool| {
        bounds.windows(2).all(|pair| in_order(pair[0].0, pair[1].0) && in_order(pair[0].1, pair[1].1))
    };
    match () {
        () if all(|before, after| before <= after) => BoundaryOrder::ASCENDING,
        () if all(|before, after| before >= after) => BoundaryOrder::DESCENDING,
        () => BoundaryOrder::UNORDERED,
    }
}

/// Returns where each page stands, the first of them at `begin` of the column chunk.
pub fn offsets(pages: &[PageFacts], begin: usize) -> OffsetIndexMetaData {
    let mut builder = OffsetIndexBuilder::new();
    let mut at = begin;
    for page in pages {
        builder.append_offset_and_size(at as i64, page.bytes as i32);
        builder.append_row_count(page.rows as i64);
        at += page.bytes;
    }
    builder.build()
}
