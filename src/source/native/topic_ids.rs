//! Topic ids, which the safe wrapper does not ask for.

use std::ffi::{CStr, CString, c_int};
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaRespErr;

use crate::domain::{Topic, TopicId};
use crate::source::LogError;

/// Asks a broker for the id of one topic, waiting at most `wait`. Blocks.
///
/// Not the cluster's controller, where the question goes by default: what counts is what the broker knows that hands the records
/// out, and a stand-in for a cluster has no controller.
pub(in crate::source) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    broker: i32,
    topic: &Topic,
    wait: Duration,
) -> Result<TopicId, LogError> {
    let Ok(name) = CString::new(topic.as_str()) else { return Err(LogError::NoTopic(topic.clone())) };
    let wait = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
    let mut names = [name.as_ptr()];
    // SAFETY: the client outlives the call. Every object made here is destroyed here, once; librdkafka copies names and
    // options before it returns. What the event holds is borrowed from it and copied out before it goes.
    unsafe {
        let client = client.native_ptr();
        let topics = c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let options = c::rd_kafka_AdminOptions_new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        let mut why = [0; 128];
        c::rd_kafka_AdminOptions_set_request_timeout(options, wait, why.as_mut_ptr(), why.len());
        c::rd_kafka_AdminOptions_set_broker(options, broker, why.as_mut_ptr(), why.len());
        let queue = c::rd_kafka_queue_new(client);
        c::rd_kafka_DescribeTopics(client, topics, options, queue);
        c::rd_kafka_AdminOptions_destroy(options);
        c::rd_kafka_TopicCollection_destroy(topics);
        // The request times out by itself; the second is for a client that does not get to it.
        let event = c::rd_kafka_queue_poll(queue, wait.saturating_add(1000));
        c::rd_kafka_queue_destroy(queue);
        if event.is_null() {
            return Err(unavailable(topic, "no answer"));
        }
        let answer = described(event, topic);
        c::rd_kafka_event_destroy(event);
        answer
    }
}

/// # Safety
/// `event` is alive and the answer to a DescribeTopics of one topic.
unsafe fn described(event: *mut c::rd_kafka_event_t, topic: &Topic) -> Result<TopicId, LogError> {
    // SAFETY: the caller's promise; each pointer below is into the event and checked before it is followed.
    unsafe {
        refusal(c::rd_kafka_event_error(event), c::rd_kafka_event_error_string(event), topic)?;
        let mut count = 0;
        let result = c::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(unavailable(topic, "an answer to another question"));
        }
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if topics.is_null() || count == 0 {
            return Err(unavailable(topic, "an empty answer"));
        }
        let description = *topics;
        let error = c::rd_kafka_TopicDescription_error(description);
        if !error.is_null() {
            refusal(c::rd_kafka_error_code(error), c::rd_kafka_error_string(error), topic)?;
        }
        let id = c::rd_kafka_TopicDescription_topic_id(description);
        if id.is_null() {
            return Err(LogError::NoTopicId(topic.clone()));
        }
        match (c::rd_kafka_Uuid_most_significant_bits(id), c::rd_kafka_Uuid_least_significant_bits(id)) {
            // A broker older than topic ids.
            (0, 0) => Err(LogError::NoTopicId(topic.clone())),
            (most, least) => Ok(TopicId::from_halves(most, least)),
        }
    }
}

/// # Safety
/// `why` is null or a C string.
unsafe fn refusal(code: RDKafkaRespErr, why: *const std::ffi::c_char, topic: &Topic) -> Result<(), LogError> {
    use RDKafkaRespErr::*;
    match code {
        RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
        | RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
        | RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION => Err(LogError::NoTopic(topic.clone())),
        RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE | RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION => {
            Err(LogError::NoTopicId(topic.clone()))
        }
        // SAFETY: the caller's promise.
        _ if !why.is_null() => Err(unavailable(topic, &unsafe { CStr::from_ptr(why) }.to_string_lossy())),
        _ => Err(unavailable(topic, "it was refused without a reason")),
    }
}

fn unavailable(topic: &Topic, why: &str) -> LogError {
    LogError::Unavailable(format!("cannot ask for the id of topic {topic}: {why}"))
}
