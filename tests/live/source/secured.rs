//! TLS and SASL, by the stack's second listener (`localstack/kafka.properties`).

use super::*;
use crate::kafka::variable;
use alluvium::source::KafkaOptions;

const PASSWORD: &str = "not-secret";

fn secured(group: &str, mechanism: &str, password: &str) -> KafkaOptions {
    let mut kafka = options(group, Protocol::Classic);
    kafka.brokers = variable("ALLUVIUM_TEST_KAFKA_SECURED");
    let authority = format!("{}/kafka/ca.pem", variable("ALLUVIUM_TEST_STATE"));
    let properties = [
        ("security.protocol", "SASL_SSL"),
        ("ssl.ca.location", &authority),
        ("sasl.mechanism", mechanism),
        ("sasl.username", "alluvium"),
        ("sasl.password", password),
    ];
    kafka.properties.extend(properties.map(|(key, value)| (key.to_owned(), value.into())));
    kafka
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_read_over_tls_by_plain_and_by_scram() {
    let _up = broker_stays_up().await;
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let topic = unique(mechanism);
        create_topic(&topic, 1).await;
        send(&producer(), &topic, 0, 0..100);
        let mut member = Member::join(&secured(&topic, mechanism, PASSWORD), name(&topic));
        member.until("all is read", |member| member.count() == 100).await;
        assert_eq!(member.told.len(), 1, "{:?}", member.told);
        member.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_the_password_and_one_that_is_not_trusted_are_trouble_with_the_reason() {
    let _up = broker_stays_up().await;
    let topic = unique("refused");
    create_topic(&topic, 1).await;
    let mut untrusted = secured(&topic, "PLAIN", PASSWORD);
    untrusted.properties.remove("ssl.ca.location");
    for (kafka, wanted) in [
        (secured(&topic, "PLAIN", "wrong"), "Invalid username or password"),
        (secured(&topic, "SCRAM-SHA-512", "wrong"), "invalid credentials with SASL mechanism SCRAM-SHA-512"),
        (untrusted, "certificate verify failed"),
    ] {
        let mut member = Member::join(&kafka, name(&topic));
        let says =
            |member: &Member| member.told.iter().any(|told| told.starts_with("trouble") && told.contains(wanted));
        member.until(wanted, says).await;
        member.leave().await;
    }
}
