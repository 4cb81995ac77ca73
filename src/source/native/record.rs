//! One message of a batch, still in librdkafka's memory: a record or an error.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr;

use rdkafka::bindings as c;
use rdkafka::types::RDKafkaRespErr;

use super::{ClientError, ErrorCode, optional, outcome, text};
use crate::domain::{Header, Offset, Timestamp, Topic, TopicPartition};

/// One thing from the consumer's queue.
pub(in crate::source) enum Consumed<'a> {
    Record(NativeRecord<'a>),
    Error(ClientError),
}

/// A message of a batch, destroyed on drop.
pub(super) struct Message(*mut c::rd_kafka_message_t);

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: it is ours, by the promise given to `new`.
        unsafe { c::rd_kafka_message_destroy(self.0) }
    }
}

impl Message {
    /// # Safety
    /// The message came from a consume call and is wrapped but once.
    pub unsafe fn new(message: *mut c::rd_kafka_message_t) -> Message {
        Message(message)
    }

    pub fn consumed(&self) -> Consumed<'_> {
        // SAFETY: the message is alive. `err` is read as the number it is in C: as an enum, a code that the bindings do not
        // know would be undefined behaviour.
        unsafe {
            let code = ErrorCode(*(&raw const (*self.0).err).cast::<i32>());
            if code.is(RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR) {
                return Consumed::Record(NativeRecord { message: &*self.0.cast() });
            }
            let message = self.0;
            let topic = (!(*message).rkt.is_null()).then(|| Topic::new(&text(c::rd_kafka_topic_name((*message).rkt))));
            let said = optional((*message).payload, (*message).len).map(String::from_utf8_lossy);
            let text = said.unwrap_or_default().into_owned();
            Consumed::Error(ClientError { code, topic, partition: (*message).partition, text })
        }
    }
}

/// The layout of a message with `err` as a number, so that a reference to it is sound whatever the code.
#[repr(C)]
struct RawMessage {
    err: i32,
    topic: *mut c::rd_kafka_topic_t,
    partition: i32,
    payload: *mut c_void,
    payload_len: usize,
    key: *mut c_void,
    key_len: usize,
    offset: i64,
    private: *mut c_void,
}

const _: () = assert!(size_of::<RawMessage>() == size_of::<c::rd_kafka_message_t>());

/// A record, still in librdkafka's memory.
#[derive(Clone, Copy)]
pub(in crate::source) struct NativeRecord<'a> {
    message: &'a RawMessage,
}

impl<'a> NativeRecord<'a> {
    /// Equal for records of one partition, without a look at the topic's name. Means nothing outside one batch.
    pub fn identity(&self) -> (usize, i32) {
        (self.message.topic.addr(), self.message.partition)
    }

    pub fn partition(&self) -> TopicPartition {
        // SAFETY: a record always has its topic, alive as long as the message is.
        let topic = unsafe { text(c::rd_kafka_topic_name(self.message.topic)) };
        TopicPartition::new(&topic, self.message.partition)
    }

    pub fn offset(&self) -> Offset {
        Offset(self.message.offset)
    }

    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length belong together; null is null, and empty is not.
        unsafe { optional(self.message.key, self.message.key_len) }
    }

    pub fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { optional(self.message.payload, self.message.payload_len) }
    }

    pub fn timestamp(&self) -> Timestamp {
        use c::rd_kafka_timestamp_type_t::*;
        let mut kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive; librdkafka writes one of the enum's three values.
        let millis = unsafe { c::rd_kafka_message_timestamp(self.raw(), &mut kind) };
        match kind {
            _ if millis == -1 => Timestamp::None,
            RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => Timestamp::None,
            RD_KAFKA_TIMESTAMP_CREATE_TIME => Timestamp::Create(millis),
            RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Timestamp::Append(millis),
        }
    }

    /// Returns the headers in order, with duplicates and null values. A name that holds a NUL byte is cut there: the C API
    /// gives names as C strings.
    pub fn headers(&self) -> Result<NativeHeaders<'a>, String> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive; its headers live and stay where they are as long as it does.
        match unsafe { c::rd_kafka_message_headers(self.raw(), &mut headers) } {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__NOENT => {}
            code => outcome(code)?,
        }
        Ok(NativeHeaders { headers, index: 0, message: PhantomData })
    }

    fn raw(&self) -> *const c::rd_kafka_message_t {
        ptr::from_ref(self.message).cast()
    }
}

pub(in crate::source) struct NativeHeaders<'a> {
    /// Null where there are none.
    headers: *mut c::rd_kafka_headers_t,
    index: usize,
    message: PhantomData<&'a RawMessage>,
}

impl<'a> Iterator for NativeHeaders<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.headers.is_null() {
            return None;
        }
        let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the message, which the lifetime stands for, keeps the headers; a success sets name, value and length.
        unsafe {
            let code = c::rd_kafka_header_get_all(self.headers, self.index, &mut name, &mut value, &mut length);
            if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            self.index += 1;
            Some(Header { name: CStr::from_ptr(name).to_bytes(), value: optional(value.cast_mut(), length) })
        }
    }
}
