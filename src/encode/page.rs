//! Pages as they stand in the object: header and body, compressed.
//!
//! Data pages are of version 1. Every reader there is takes them, which cannot be said of version 2, and what version 2 has over
//! them is of no use here: levels that stand uncompressed before the values cost bytes, and whether a column chunk is worth
//! compressing shows at its first page.

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use zstd::bulk::Compressor;

/// Level 3 buys a hundredth of the size for half as much time again.
const LEVEL: i32 = 1;

/// A larger buffer is let go after use.
const KEPT: usize = 4 << 20;

/// Whether a column chunk is compressed: said once for all its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Zstd,
    None,
}

/// Makes pages. One serves all columns of a thread.
pub struct Press {
    zstd: Compressor<'static>,
    compressed: Vec<u8>,
    sink: TrackedWrite<Vec<u8>>,
}

/// A page as it stands in the object.
pub struct Pressed {
    pub bytes: Bytes,
    /// What it would take without compression, header included.
    pub uncompressed: usize,
}

impl Default for Press {
    fn default() -> Press {
        let zstd = Compressor::new(LEVEL).expect("zstd has a level 1");
        Press { zstd, compressed: Vec::new(), sink: TrackedWrite::new(Vec::new()) }
    }
}

impl Press {
    /// Makes a page of values, and levels before them. Without a `codec` it decides for one.
    pub fn data(
        &mut self,
        body: &[u8],
        entries: usize,
        encoding: Encoding,
        codec: &mut Option<Codec>,
    ) -> Result<Pressed> {
        let buf = match codec {
            Some(codec) => self.compressed(body, *codec)?,
            None => {
                let compressed = self.compressed(body, Codec::Zstd)?;
                // Hashes and random numbers; few bytes tell nothing of those to come.
                let vain = body.len() >= 1024 && compressed.len() + body.len() / 32 > body.len();
                *codec = Some(if vain { Codec::None } else { Codec::Zstd });
                if vain { Bytes::copy_from_slice(body) } else { compressed }
            }
        };
        let page = Page::DataPage {
            buf,
            num_values: entries as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.page(page, body.len())
    }

    /// Makes the page of a dictionary of so many values.
    pub fn dictionary(&mut self, body: &[u8], values: usize, codec: Codec) -> Result<Pressed> {
        let buf = self.compressed(body, codec)?;
        let page = Page::DictionaryPage { buf, num_values: values as u32, encoding: Encoding::PLAIN, is_sorted: false };
        self.page(page, body.len())
    }

    fn compressed(&mut self, body: &[u8], codec: Codec) -> Result<Bytes> {
        if codec == Codec::None {
            return Ok(Bytes::copy_from_slice(body));
        }
        self.compressed.clear();
        self.compressed.reserve(zstd::compress_bound(body.len()));
        self.zstd.compress_to_buffer(body, &mut self.compressed)?;
        let compressed = Bytes::copy_from_slice(&self.compressed);
        tidy(&mut self.compressed);
        Ok(compressed)
    }

    fn page(&mut self, page: Page, body: usize) -> Result<Pressed> {
        let mut writer = SerializedPageWriter::new(&mut self.sink);
        let spec = writer.write_page(CompressedPage::new(page, body))?;
        writer.close()?;
        let bytes = std::mem::take(self.sink.inner_mut());
        if bytes.len() != spec.compressed_size {
            return Err(ParquetError::General(format!(
                "a page of {} bytes became {}",
                spec.compressed_size,
                bytes.len()
            )));
        }
        Ok(Pressed { bytes: bytes.into(), uncompressed: spec.uncompressed_size })
    }
}

/// Empties a buffer for its next use.
pub fn tidy<T>(buffer: &mut Vec<T>) {
    buffer.clear();
    buffer.shrink_to(KEPT / size_of::<T>());
}
