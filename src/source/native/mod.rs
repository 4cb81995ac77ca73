//! librdkafka's consumer, where the safe wrapper does not reach. All unsafe code of this room is in this folder.
//!
//! The wrapper's `poll` is passed by for three reasons. An error of a partition (offset out of range) does not say which
//! partition it is about. A header name that is not UTF-8 panics. And it costs an event, an allocation and a lock for each
//! record, where a batch costs them once.
//!
//! **Contract with librdkafka** (2.12.1), on which each block below rests:
//! callbacks run on the thread that calls [`Consumer::consume`] and never elsewhere, with the `Inbox` that the client
//! owns as their opaque; a message and what it points to live until `rd_kafka_message_destroy`; the client outlives its queue.

mod record;
mod topic_ids;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};

use self::record::Message;
pub(super) use self::record::{Consumed, NativeRecord};
pub(super) use self::topic_ids::topic_id;
use super::client_log;
use crate::domain::{Offset, Topic, TopicPartition};

/// What librdkafka tells besides records.
#[derive(Debug)]
pub(super) enum Notice {
    /// Waits for [`Consumer::acknowledge_assign`].
    Assigned(Vec<TopicPartition>),
    /// Waits for [`Consumer::unassign`]. `lost`: somebody else may own them already.
    Revoked {
        partitions: Vec<TopicPartition>,
        lost: bool,
    },
    Error(ClientError),
    Statistics(Vec<u8>),
}

/// An error, and whom it is about.
#[derive(Debug)]
pub(super) struct ClientError {
    pub code: ErrorCode,
    pub topic: Option<Topic>,
    /// Below zero where it is about no single partition.
    pub partition: i32,
    pub text: String,
}

/// An error code of librdkafka or of a broker. A number and no enum, because newer brokers send codes no enum of ours has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ErrorCode(i32);

impl ErrorCode {
    pub fn is(self, code: RDKafkaRespErr) -> bool {
        self == code.into()
    }
}

impl From<RDKafkaRespErr> for ErrorCode {
    fn from(code: RDKafkaRespErr) -> ErrorCode {
        ErrorCode(code as i32)
    }
}

/// Notices in the order they came, for the poll thread to take.
#[derive(Default)]
pub(super) struct Inbox {
    notices: Mutex<Vec<Notice>>,
}

impl Inbox {
    fn put(&self, notice: Notice) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    }

    pub fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Inbox {}

/// A group member. Not `Send` once it has a queue: it is made on the thread that polls it.
pub(super) struct Consumer {
    queue: *mut c::rd_kafka_queue_t,
    slots: Vec<*mut c::rd_kafka_message_t>,
    client: Client<Inbox>,
}

/// Creates the client of a [`Consumer`]; a wrong property fails here, before any thread exists.
pub(super) fn create_client(config: &ClientConfig) -> Result<Client<Inbox>, String> {
    let native = config.create_native_config().map_err(|error| client_log::config_error(&error))?;
    // SAFETY: the configuration is ours and alive; `Client::new` sets the opaque to the `Inbox` that it then owns.
    unsafe {
        c::rd_kafka_conf_set_rebalance_cb(native.ptr(), Some(on_rebalance));
        c::rd_kafka_conf_set_error_cb(native.ptr(), Some(on_error));
        c::rd_kafka_conf_set_stats_cb(native.ptr(), Some(on_statistics));
        c::rd_kafka_conf_set_log_cb(native.ptr(), Some(on_log));
    }
    Client::new(config, native, RDKafkaType::RD_KAFKA_CONSUMER, Inbox::default())
        .map_err(|error| client_log::config_error(&error))
}

impl Consumer {
    /// `batch` is how many records one call of [`consume`](Self::consume) hands out at most.
    pub fn new(client: Client<Inbox>, batch: usize) -> Consumer {
        // SAFETY: the client is alive; its group makes sure that there is a consumer queue. Errors, statistics and logs are
        // redirected to that queue, so that one call serves all.
        let queue = unsafe {
            c::rd_kafka_poll_set_consumer(client.native_ptr());
            c::rd_kafka_queue_get_consumer(client.native_ptr())
        };
        Consumer { queue, slots: vec![ptr::null_mut(); batch.max(1)], client }
    }

    pub fn notices(&self) -> Vec<Notice> {
        self.client.context().take()
    }

    pub fn fatal_error(&self) -> Option<String> {
        self.client.fatal_error().map(|(_, text)| text)
    }

    /// Hands out what is there, waiting up to `wait` for a full batch; returns how many there were. Notices that came
    /// meanwhile are in [`notices`](Self::notices) afterwards.
    pub fn consume(&mut self, wait: Duration, mut each: impl FnMut(Consumed<'_>)) -> usize {
        let wait = wait.as_millis().try_into().unwrap_or(c_int::MAX);
        // SAFETY: `slots` has the length that is told, and the queue lives until drop.
        let count =
            unsafe { c::rd_kafka_consume_batch_queue(self.queue, wait, self.slots.as_mut_ptr(), self.slots.len()) };
        let count = usize::try_from(count).unwrap_or(0);
        for &message in &self.slots[..count] {
            // SAFETY: it was just handed to us. All of a batch were alive at once, so no two topics of it share an address.
            let message = unsafe { Message::new(message) };
            each(message.consumed());
        }
        count
    }

    pub fn subscribe(&self, topics: &[Topic]) -> Result<(), String> {
        let mut list = TopicPartitionList::with_capacity(topics.len());
        for topic in topics {
            list.add_topic_unassigned(topic.as_str());
        }
        // SAFETY: client and list are alive; librdkafka copies the list. An empty list is an error there, hence the choice.
        let code = unsafe {
            match topics {
                [] => c::rd_kafka_unsubscribe(self.client.native_ptr()),
                _ => c::rd_kafka_subscribe(self.client.native_ptr(), list.ptr()),
            }
        };
        outcome(code)
    }

    /// Tells librdkafka that an assignment was taken note of, without reading any of it yet.
    pub fn acknowledge_assign(&self) -> Result<(), String> {
        self.assign(&[])
    }

    /// Starts reading partitions that are not being read, each at its offset.
    pub fn assign(&self, partitions: &[(TopicPartition, Offset)]) -> Result<(), String> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (partition, at) in partitions {
            list.add_partition_offset(partition.topic.as_str(), partition.partition, At::Offset(at.0))
                .map_err(|error| format!("{partition} at {at}: {error}"))?;
        }
        // SAFETY: client and list are alive; librdkafka copies the list.
        unsafe { taken(c::rd_kafka_incremental_assign(self.client.native_ptr(), list.ptr())) }
    }

    /// Stops reading those of `partitions` that are being read; also the acknowledgement of a revocation, which is due even
    /// where none is.
    pub fn unassign(&self, partitions: &[TopicPartition]) -> Result<(), String> {
        let read = self.assignment();
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions.iter().filter(|partition| read.contains(partition)) {
            list.add_partition(partition.topic.as_str(), partition.partition);
        }
        // SAFETY: client and list are alive; librdkafka copies the list.
        unsafe { taken(c::rd_kafka_incremental_unassign(self.client.native_ptr(), list.ptr())) }
    }

    /// Returns what librdkafka reads, which is not what the group gave us: that waits for a start.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        let mut list = ptr::null_mut();
        // SAFETY: on success the list is ours until destroyed, once, below.
        unsafe {
            if outcome(c::rd_kafka_assignment(self.client.native_ptr(), &mut list)).is_err() || list.is_null() {
                return Vec::new();
            }
            let partitions = partitions_of(list);
            c::rd_kafka_topic_partition_list_destroy(list);
            partitions
        }
    }

    /// Asks for offsets to be committed some time soon.
    pub fn commit(&self, partition: &TopicPartition, next: Offset) -> Result<(), String> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(partition.topic.as_str(), partition.partition, At::Offset(next.0))
            .map_err(|error| error.to_string())?;
        // SAFETY: client and list are alive; librdkafka copies the list. 1 = do not wait.
        outcome(unsafe { c::rd_kafka_commit(self.client.native_ptr(), list.ptr(), 1) })
    }

    /// Leaves the group and frees the client; gives up at `deadline`, and then lets the client leak: the process is about to
    /// end, and freeing it would wait for what did not come.
    pub fn close(mut self, deadline: Instant) -> Result<(), String> {
        // SAFETY: client and queue are alive.
        let begun = unsafe { taken(c::rd_kafka_consumer_close_queue(self.client.native_ptr(), self.queue)) };
        // SAFETY: the client is alive.
        while begun.is_ok() && unsafe { c::rd_kafka_consumer_closed(self.client.native_ptr()) } == 0 {
            if deadline <= Instant::now() {
                std::mem::forget(self);
                return Err("the consumer did not leave its group in time".to_owned());
            }
            self.consume(Duration::from_millis(10), |_| ());
            for notice in self.notices() {
                let answered = match notice {
                    Notice::Assigned(_) => self.acknowledge_assign(),
                    Notice::Revoked { partitions, .. } => self.unassign(&partitions),
                    Notice::Error(_) | Notice::Statistics(_) => Ok(()),
                };
                if let Err(error) = answered {
                    tracing::debug!(error, "while leaving the group");
                }
            }
        }
        begun
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // SAFETY: the reference was taken in `new`; the client, dropped after this, outlives it.
        unsafe { c::rd_kafka_queue_destroy(self.queue) }
    }
}

unsafe extern "C" fn on_rebalance(
    client: *mut c::rd_kafka_t,
    code: RDKafkaRespErr,
    partitions: *mut c::rd_kafka_topic_partition_list_t,
    inbox: *mut c_void,
) {
    // SAFETY: librdkafka hands over its client, a list that lives until the return, and our opaque.
    let (inbox, partitions, lost) =
        unsafe { (&*inbox.cast::<Inbox>(), partitions_of(partitions), c::rd_kafka_assignment_lost(client) != 0) };
    inbox.put(match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Notice::Assigned(partitions),
        // Any other code is to be answered by giving all back, says librdkafka.
        _ => Notice::Revoked { partitions, lost },
    });
}

unsafe extern "C" fn on_error(_: *mut c::rd_kafka_t, code: c_int, reason: *const c_char, inbox: *mut c_void) {
    // SAFETY: a C string, or null, that lives until the return, and our opaque.
    let (inbox, text) = unsafe { (&*inbox.cast::<Inbox>(), text(reason)) };
    inbox.put(Notice::Error(ClientError { code: ErrorCode(code), topic: None, partition: -1, text }));
}

unsafe extern "C" fn on_statistics(_: *mut c::rd_kafka_t, json: *mut c_char, len: usize, inbox: *mut c_void) -> c_int {
    // SAFETY: `len` bytes that live until the return, and our opaque.
    let (inbox, json) = unsafe { (&*inbox.cast::<Inbox>(), slice::from_raw_parts(json.cast::<u8>(), len)) };
    inbox.put(Notice::Statistics(json.to_vec()));
    0 // librdkafka keeps and frees the bytes
}

unsafe extern "C" fn on_log(_: *const c::rd_kafka_t, level: c_int, facility: *const c_char, line: *const c_char) {
    // SAFETY: two C strings that live until the return.
    let (facility, line) = unsafe { (text(facility), text(line)) };
    client_log::line(level, &facility, &line);
}

/// # Safety
/// `list` is null or alive, with `cnt` elements that each name a topic.
unsafe fn partitions_of(list: *const c::rd_kafka_topic_partition_list_t) -> Vec<TopicPartition> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(list) = list.as_ref() else { return Vec::new() };
        (0..usize::try_from(list.cnt).unwrap_or(0))
            .map(|index| list.elems.add(index))
            .map(|element| TopicPartition::new(&text((*element).topic), (*element).partition))
            .collect()
    }
}

/// # Safety
/// `from` is null or a C string.
unsafe fn text(from: *const c_char) -> String {
    // SAFETY: the caller's promise.
    if from.is_null() { String::new() } else { unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned() }
}

/// # Safety
/// `from` is null or points to `len` bytes that live as long as the caller says.
unsafe fn optional<'a>(from: *mut c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!from.is_null()).then(|| unsafe { slice::from_raw_parts(from.cast::<u8>(), len) })
}

fn outcome(code: RDKafkaRespErr) -> Result<(), String> {
    match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        // SAFETY: a static string for every code.
        code => Err(unsafe { text(c::rd_kafka_err2str(code)) }),
    }
}

/// # Safety
/// `error` is null or an error object that is ours to destroy.
unsafe fn taken(error: *mut c::rd_kafka_error_t) -> Result<(), String> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the caller's promise; the text is copied before the object goes.
    unsafe {
        let said = text(c::rd_kafka_error_string(error));
        c::rd_kafka_error_destroy(error);
        Err(said)
    }
}
