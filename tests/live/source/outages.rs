//! Brokers that die, and members that are refused.

use super::*;

async fn survives_a_restart(protocol: Protocol) {
    let _mine = broker_for_me().await;
    let topic = unique(&format!("restart-{protocol:?}"));
    create_topic(&topic, 2).await;
    let producer = producer();
    (0..2).for_each(|partition| send(&producer, &topic, partition, 0..100));
    let mut member = Member::join(&options(&topic, protocol), name(&topic));
    member.until("all is read", |member| member.count() == 200).await;
    broker("kill").await;
    member.until("the trouble is told", |member| member.told.iter().any(|told| told.starts_with("trouble"))).await;
    if protocol == Protocol::Classic {
        // Under the other protocol it is the broker who says so.
        member.until("its session has run out", |member| member.owned.is_empty()).await;
        assert!(member.told.iter().any(|told| told.starts_with("lost")), "{:#?}", member.told);
    }
    broker("start").await;
    member.until("its end is told", |member| member.told.iter().any(|told| told == "recovered")).await;
    (0..2).for_each(|partition| send(&producer, &topic, partition, 100..200));
    member.until("the rest is read", |member| member.count() == 400).await;
    for partition in 0..2 {
        assert_eq!(member.values(&TopicPartition::new(&topic, partition)), (0..200).collect::<Vec<_>>());
    }
    assert_eq!(member.told.iter().filter(|told| told.starts_with("trouble")).count(), 1, "{:#?}", member.told);
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_and_comes_back_is_trouble_and_no_loss() {
    survives_a_restart(Protocol::Classic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_and_comes_back_is_trouble_and_no_loss_under_the_consumer_protocol() {
    survives_a_restart(Protocol::Consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_name_is_taken_by_another_dies_and_says_so() {
    let _up = broker_stays_up().await;
    let topic = unique("fenced");
    create_topic(&topic, 1).await;
    let mut named = options(&topic, Protocol::Classic);
    named.properties.insert("group.instance.id".to_owned(), "same".into());
    let mut one = Member::join(&named, name(&topic));
    one.until("it is in the group", |one| one.owned.len() == 1).await;
    let mut two = Member::join(&named, name(&topic));
    let why = loop {
        two.step().await;
        let event = tokio::time::timeout(Duration::from_millis(20), one.source.events.recv()).await;
        match event {
            Ok(Some(SourceEvent::Fatal(why))) => break why,
            Ok(event) => one.handle(event.expect("it must say why it ends")),
            Err(_) => {}
        }
    };
    assert!(why.contains("fenced"), "{why}");
    assert!(one.source.events.recv().await.is_none());
    two.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_refused_says_why_in_its_own_words() {
    let _up = broker_stays_up().await;
    let mut refused = options(&unique("refused"), Protocol::Classic);
    // The listener speaks no TLS.
    refused.properties.insert("security.protocol".to_owned(), "SSL".into());
    let mut member = Member::join(&refused, TopicMatch::Name("any".to_owned()));
    let log = KafkaLog::new(&refused).unwrap();
    let Err(LogError::Unavailable(why)) = log.topics().await else { panic!("it cannot have answered") };
    // Whether the broker answers the handshake or hangs up first is a race, and the client words the two differently.
    let in_its_words = |told: &str| told.contains("SSL handshake failed") || told.contains("SSL connection closed");
    assert!(in_its_words(&why), "{why}");
    let says = |told: &String| told.starts_with("trouble") && in_its_words(told);
    member.until("the trouble is told", |member| member.told.iter().any(says)).await;
    member.leave().await;
}
