//! What is wrong with Kafka at the moment: said once, and taken back once.

use std::collections::BTreeSet;

use rdkafka::types::RDKafkaRespErr::{self, *};

use super::SourceEvent;
use super::native::ClientError;
use crate::domain::Topic;

/// What must happen before all is well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// A broker must answer.
    Connection,
    /// A broker must let us in. Beside the other, which follows from it: this one says why.
    Admission,
    /// The group must take us.
    Group,
    /// The topic must give a record.
    Topic(Topic),
}

#[derive(Debug, Default)]
pub(super) struct Health {
    causes: BTreeSet<Cause>,
    /// What the last broken connection said: why all brokers are down, when they are.
    last_break: Option<String>,
}

const CONNECTION: &[RDKafkaRespErr] = &[RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN];

const ADMISSION: &[RDKafkaRespErr] = &[
    RD_KAFKA_RESP_ERR__AUTHENTICATION,
    RD_KAFKA_RESP_ERR__RESOLVE,
    RD_KAFKA_RESP_ERR__SSL,
    RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
];
const GROUP: &[RDKafkaRespErr] =
    &[RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL];

const TOPIC: &[RDKafkaRespErr] = &[RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];

impl Health {
    /// Takes note of an error; returns what is to be said, if it is news.
    pub fn error(&mut self, error: &ClientError) -> Option<SourceEvent> {
        let one_of = |codes: &[RDKafkaRespErr]| codes.iter().any(|&code| error.code.is(code));
        let cause = match &error.topic {
            _ if one_of(CONNECTION) => Cause::Connection,
            _ if one_of(ADMISSION) => Cause::Admission,
            _ if one_of(GROUP) => Cause::Group,
            Some(topic) if one_of(TOPIC) => Cause::Topic(topic.clone()),
            // librdkafka mends the rest by itself: a leader moved, a topic just deleted …
            Some(topic) => {
                tracing::warn!(%topic, partition = error.partition, "kafka: {}", error.text);
                return None;
            }
            // … or a connection lost, which it has logged.
            None => {
                self.last_break = Some(error.text.clone()).filter(|_| error.code.is(RD_KAFKA_RESP_ERR__TRANSPORT));
                return None;
            }
        };
        let why = match &self.last_break {
            Some(reason) if cause == Cause::Connection => format!("{}: {reason}", error.text),
            _ => error.text.clone(),
        };
        self.causes.insert(cause).then_some(SourceEvent::Trouble(why))
    }

    pub fn broker_answers(&mut self) -> Option<SourceEvent> {
        let admitted = self.over(&Cause::Admission);
        self.over(&Cause::Connection).or(admitted)
    }

    pub fn group_took_us(&mut self) -> Option<SourceEvent> {
        self.over(&Cause::Group)
    }

    pub fn topic_gave(&mut self, topic: &Topic) -> Option<SourceEvent> {
        // Asked for each batch: no clone while all is well.
        if self.causes.is_empty() {
            return None;
        }
        let answers = self.broker_answers();
        self.over(&Cause::Topic(topic.clone())).or(answers)
    }

    fn over(&mut self, cause: &Cause) -> Option<SourceEvent> {
        (self.causes.remove(cause) && self.causes.is_empty()).then_some(SourceEvent::Recovered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: RDKafkaRespErr, topic: Option<&Topic>) -> ClientError {
        ClientError { code: code.into(), topic: topic.cloned(), partition: -1, text: "why".to_owned() }
    }

    #[test]
    fn trouble_is_said_once_and_ends_when_every_cause_has_ended() {
        let (mut health, topic) = (Health::default(), Topic::new("t"));
        let down = error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, None);
        assert!(matches!(health.error(&down), Some(SourceEvent::Trouble(_))));
        assert!(health.error(&down).is_none());
        let denied = error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Some(&topic));
        assert!(matches!(health.error(&denied), Some(SourceEvent::Trouble(_))));
        assert!(health.broker_answers().is_none());
        assert!(health.topic_gave(&Topic::new("other")).is_none());
        assert!(matches!(health.topic_gave(&topic), Some(SourceEvent::Recovered)));
        assert!(health.broker_answers().is_none());
    }

    #[test]
    fn a_connection_lost_is_no_trouble_but_the_reason_why_all_brokers_are_down() {
        let mut health = Health::default();
        assert!(
            health
                .error(&ClientError { text: "refused".to_owned(), ..error(RD_KAFKA_RESP_ERR__TRANSPORT, None) })
                .is_none()
        );
        let down = health.error(&error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, None));
        assert!(matches!(down, Some(SourceEvent::Trouble(why)) if why == "why: refused"));
    }
}
