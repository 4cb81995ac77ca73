//! One call of the consumer: records into open batches, errors put by.

use super::native::{ClientError, Consumed, NativeRecord};
use super::reads::Reads;

pub(super) struct Round<'r> {
    reads: &'r mut Reads,
    batch_bytes: usize,
    /// The partition of the last record, and where it is read; nothing where it is not ours any more.
    current: Option<((usize, i32), Option<usize>)>,
    pub errors: Vec<ClientError>,
    /// Why no record may be taken any more: one could not be kept whole.
    pub broken: Option<String>,
}

impl<'r> Round<'r> {
    pub fn new(reads: &'r mut Reads, batch_bytes: usize) -> Self {
        Round { reads, batch_bytes, current: None, errors: Vec::new(), broken: None }
    }

    pub fn take(&mut self, consumed: Consumed<'_>) {
        match consumed {
            Consumed::Record(record) => self.record(record),
            Consumed::Error(error) => self.errors.push(error),
        }
    }

    fn record(&mut self, record: NativeRecord<'_>) {
        let index = match self.current {
            Some((identity, index)) if identity == record.identity() => index,
            _ => {
                let index = self.reads.find(&record.partition());
                self.current = Some((record.identity(), index));
                index
            }
        };
        let Some(index) = index else { return };
        match record.headers() {
            Ok(headers) if self.broken.is_none() => {
                let content = (record.key(), record.value());
                self.reads.push(index, record.offset(), record.timestamp(), content, headers, self.batch_bytes);
            }
            Ok(_) => {}
            Err(error) => {
                let (partition, offset) = (record.partition(), record.offset());
                let why = format!("the headers of the record at {offset} of {partition} are unreadable: {error}");
                self.broken.get_or_insert(why);
            }
        }
    }
}
