//! Sends a header whose name is not UTF-8, which the safe producer cannot.

use std::ffi::CString;
use std::ptr;

use rdkafka::bindings as c;
use rdkafka::producer::{BaseProducer, Producer};

use crate::kafka::PATIENCE;

pub fn send(producer: &BaseProducer, topic: &str, name: &[u8], value: &[u8]) {
    let (topic, name) = (CString::new(topic).unwrap(), CString::new(name).unwrap());
    // SAFETY: every pointer lives until the call returns; librdkafka copies all and owns the headers once it took the record.
    unsafe {
        let client = producer.client().native_ptr();
        let headers = c::rd_kafka_headers_new(1);
        let length = name.as_bytes().len() as isize;
        c::rd_kafka_header_add(headers, name.as_ptr(), length, value.as_ptr().cast(), value.len() as isize);
        let code = c::rd_kafka_producev(
            client,
            c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
            0i32,
            c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
            headers,
            c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            ptr::null::<u8>(),
        );
        assert_eq!(code, c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    producer.flush(PATIENCE).unwrap();
}
