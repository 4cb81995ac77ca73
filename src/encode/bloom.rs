//! Filters that say which values a column surely does not hold, of the columns the operator names.

use parquet::bloom_filter::Sbbf;

use super::dictionary::Dictionary;
use super::plan::Kind;
use super::values::Values;

/// How many in a hundred values that are not there are taken for possible.
const FALSE_POSITIVES: f64 = 0.01;

/// Returns the bytes of memory held.
pub fn held_bytes(filter: &Sbbf) -> usize {
    filter.num_blocks() * 32
}

/// Adds the values of a page. `pages` is how many like it may come until the row group ends: the filter is made for that many.
pub fn insert(filter: &mut Option<Sbbf>, kind: Kind, values: &Values, pages: usize) {
    let filter = filter.get_or_insert_with(|| of_size(values.count * pages));
    values.each(kind, usize::MAX, |value| filter.insert(value));
}

/// Adds the values of a dictionary.
pub fn insert_dictionary(filter: &mut Option<Sbbf>, dictionary: &Dictionary) {
    let filter = filter.get_or_insert_with(|| of_size(dictionary.len()));
    dictionary.each(|value| filter.insert(value));
}

fn of_size(values: usize) -> Sbbf {
    // Fails only for a share that is none.
    Sbbf::new_with_ndv_fpp(values.max(1) as u64, FALSE_POSITIVES).unwrap_or_else(|_| Sbbf::new_with_num_of_bytes(0))
}

/// Makes a filter as small as it can be.
pub fn folded(filter: Option<Sbbf>) -> Option<Sbbf> {
    filter.map(|mut filter| {
        filter.fold_to_target_fpp(FALSE_POSITIVES);
        filter
    })
}
