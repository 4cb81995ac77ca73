//! One column of a row group in the making.

use arrow_array::Array;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};

use super::bits::width;
use super::bloom;
use super::choice;
use super::dictionary::Dictionary;
use super::entries::Entries;
use super::hybrid;
use super::index::{self, Bounds, PageFacts};
use super::levels::Slots;
use super::page::{Codec, Press, tidy};
use super::plan::{ColumnPlan, Sizes};
use super::values::{Values, dictionary};

/// What all columns of a thread use, one after the other.
#[derive(Default)]
pub struct Workspace {
    press: Press,
    entries: Entries,
    /// Values on their way into a dictionary.
    values: Values,
    body: Vec<u8>,
    known: Vec<u32>,
}

#[derive(Default)]
pub struct Column {
    /// What is too little for a page yet.
    pending: Entries,
    choice: Choice,
    dictionary: Option<Dictionary>,
    codec: Option<Codec>,
    pages: Vec<Bytes>,
    facts: Vec<PageFacts>,
    uncompressed: usize,
    bounds: Bounds,
    bloom: Option<Sbbf>,
}

/// How the next page is written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    Open,
    Dictionary,
    /// As values; also what is left of a row group whose dictionary grew too large.
    Values,
}

/// A finished column: its pages one after the other, and what is to be said of it.
pub struct Closed {
    pub bytes: Bytes,
    pub result: ColumnCloseResult,
}

impl Column {
    /// Returns the bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        let pages: usize = self.pages.iter().map(|page| page.len() + size_of::<Bytes>() + size_of::<PageFacts>()).sum();
        let dictionary = self.dictionary.as_ref().map_or(0, Dictionary::held_bytes);
        size_of::<Column>()
            + self.pending.held_bytes()
            + pages
            + dictionary
            + self.bloom.as_ref().map_or(0, bloom::held_bytes)
    }

    /// Appends the column's part of some rows.
    pub fn push(
        &mut self,
        plan: &ColumnPlan,
        sizes: &Sizes,
        array: &dyn Array,
        slots: &Slots,
        work: &mut Workspace,
    ) -> Result<()> {
        // Most chunks are a page, and need no buffers of their own.
        let at_once = self.pending.rows == 0 && slots.rows >= sizes.page_rows / 2;
        let own = if at_once { &mut work.entries } else { &mut self.pending };
        let mut entries = std::mem::take(own);
        entries.push_levels(plan, slots);
        self.push_values(plan, array, slots, &mut entries, work)?;
        if !at_once && entries.rows < sizes.page_rows && entries.size() < sizes.page_bytes {
            self.pending = entries;
            return Ok(());
        }
        let pages = sizes.group_rows.div_ceil(entries.rows);
        self.write(plan, &mut entries, pages, work)?;
        if at_once {
            entries.tidy();
            work.entries = entries;
        }
        Ok(())
    }

    fn push_values(
        &mut self,
        plan: &ColumnPlan,
        array: &dyn Array,
        slots: &Slots,
        entries: &mut Entries,
        work: &mut Workspace,
    ) -> Result<()> {
        let live = &slots.live;
        let keyed = dictionary(array);
        // Whoever made a dictionary has seen that it pays, unless it is about as long as its rows.
        if self.choice == Choice::Open
            && keyed.is_some_and(|(_, strings)| (1..=live.len() / 2).contains(&strings.len()))
        {
            self.choose_dictionary(plan, entries);
        }
        if self.choice == Choice::Dictionary {
            let dictionary = self.dictionary.get_or_insert_default();
            if let Some(keyed) = keyed {
                dictionary.ids_of_keyed(keyed, live, &mut work.known, &mut entries.ids);
                return Ok(());
            }
        }
        let into_ids = self.choice == Choice::Dictionary;
        let values = if into_ids { &mut work.values } else { &mut entries.values };
        let before = values.longs.len();
        if !values.gather(plan.kind, array, live) {
            let given = array.data_type();
            return Err(ParquetError::ArrowError(format!("column {} is given {given}", plan.path)));
        }
        if plan.statistics {
            self.bounds.extend(&values.longs[before..]);
        }
        if into_ids {
            self.dictionary.get_or_insert_default().ids_of(plan.kind, values, &mut entries.ids);
            values.tidy();
        }
        Ok(())
    }

    fn choose(&mut self, plan: &ColumnPlan, entries: &mut Entries) {
        if choice::repeats(plan.kind, &entries.values) {
            self.choose_dictionary(plan, entries);
        } else {
            self.choice = Choice::Values;
        }
    }

    fn choose_dictionary(&mut self, plan: &ColumnPlan, entries: &mut Entries) {
        self.choice = Choice::Dictionary;
        self.dictionary.get_or_insert_default().ids_of(plan.kind, &entries.values, &mut entries.ids);
        entries.values.tidy();
    }

    /// Writes a page. The row group may come to `pages` like it.
    fn write(&mut self, plan: &ColumnPlan, entries: &mut Entries, pages: usize, work: &mut Workspace) -> Result<()> {
        // Of nulls alone there is nothing to choose by.
        if self.choice == Choice::Open && entries.values.count > 0 {
            self.choose(plan, entries);
        }
        if plan.bloom && entries.values.count > 0 {
            bloom::insert(&mut self.bloom, plan.kind, &entries.values, pages);
        }
        let body = &mut work.body;
        entries.encode_levels(plan, body);
        let encoding = match &self.dictionary {
            Some(dictionary) if self.choice == Choice::Dictionary => {
                let width = width(dictionary.len().saturating_sub(1) as u64);
                body.push(width as u8);
                hybrid::encode(&entries.ids, width, body);
                // Whatever the ids are like, the dictionary may be worth it.
                self.codec.get_or_insert(Codec::Zstd);
                Encoding::RLE_DICTIONARY
            }
            _ => entries.values.encode(plan.kind, body),
        };
        let page = work.press.data(body, entries.count(), encoding, &mut self.codec)?;
        tidy(body);
        self.uncompressed += page.uncompressed;
        self.facts.push(PageFacts {
            encoding,
            rows: entries.rows,
            entries: entries.count(),
            nulls: entries.nulls(),
            bytes: page.bytes.len(),
            bounds: std::mem::take(&mut self.bounds),
        });
        self.pages.push(page.bytes);
        let values = self.facts.iter().map(|page| page.entries - page.nulls).sum();
        if self.dictionary.as_ref().is_some_and(|dictionary| dictionary.is_too_large_for(values)) {
            self.choice = Choice::Values;
        }
        Ok(())
    }

    /// Ends the column of a row group, which has a row at least.
    pub fn close(mut self, plan: &ColumnPlan, work: &mut Workspace) -> Result<Closed> {
        if self.pending.rows > 0 {
            let mut entries = std::mem::take(&mut self.pending);
            self.write(plan, &mut entries, 1, work)?;
        }
        let codec = self.codec.unwrap_or(Codec::None);
        let dictionary = match self.dictionary.filter(|dictionary| dictionary.len() > 0) {
            None => None,
            Some(dictionary) => {
                if plan.bloom {
                    bloom::insert_dictionary(&mut self.bloom, &dictionary);
                }
                Some(work.press.dictionary(dictionary.page(), dictionary.len(), codec)?)
            }
        };
        let data_begin = dictionary.as_ref().map_or(0, |page| page.bytes.len());
        self.uncompressed += dictionary.as_ref().map_or(0, |page| page.uncompressed);
        let bytes = match (&dictionary, &self.pages[..]) {
            (None, [page]) => page.clone(),
            (None, pages) => pages.concat().into(),
            (Some(dictionary), pages) => [std::slice::from_ref(&dictionary.bytes), pages].concat().concat().into(),
        };
        let entries: usize = self.facts.iter().map(|page| page.entries).sum();
        let rows: usize = self.facts.iter().map(|page| page.rows).sum();
        let (mut encodings, stats) = encodings(&self.facts, dictionary.is_some());
        if plan.definition > 0 {
            encodings.push(Encoding::RLE);
        }
        let mut metadata = ColumnChunkMetaData::builder(plan.parquet.clone())
            .set_encodings(encodings)
            .set_page_encoding_stats(stats)
            .set_compression(match codec {
                Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
                Codec::None => Compression::UNCOMPRESSED,
            })
            .set_num_values(entries as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_data_page_offset(data_begin as i64);
        if plan.statistics {
            metadata = metadata.set_statistics(index::statistics(&self.facts));
        }
        let column_index = plan.statistics.then(|| index::columns(&self.facts)).transpose()?;
        let result = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: bloom::folded(self.bloom),
            column_index,
            offset_index: Some(index::offsets(&self.facts, data_begin)),
        };
        Ok(Closed { bytes, result })
    }
}

impl Closed {
    /// Returns the bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        size_of::<Closed>() + self.bytes.len() + self.result.bloom_filter.as_ref().map_or(0, bloom::held_bytes)
    }

    pub fn has_pages(&self) -> bool {
        self.result.offset_index.as_ref().is_some_and(|index| index.page_locations().len() > 1)
    }
}

/// Returns the encodings of a column, and how many pages have each.
fn encodings(facts: &[PageFacts], dictionary: bool) -> (Vec<Encoding>, Vec<PageEncodingStats>) {
    let mut stats: Vec<PageEncodingStats> = Vec::new();
    if dictionary {
        stats.push(PageEncodingStats { page_type: PageType::DICTIONARY_PAGE, encoding: Encoding::PLAIN, count: 1 });
    }
    for page in facts {
        match stats.iter_mut().find(|stat| stat.page_type == PageType::DATA_PAGE && stat.encoding == page.encoding) {
            Some(stat) => stat.count += 1,
            None => stats.push(PageEncodingStats { page_type: PageType::DATA_PAGE, encoding: page.encoding, count: 1 }),
        }
    }
    (stats.iter().map(|stat| stat.encoding).collect(), stats)
}
