//! The source against a real broker.

use alluvium::domain::TopicPartition;
use alluvium::source::{Protocol, TopicMatch};

use crate::kafka::{create_topic, options, producer, send, unique};
use crate::member::{Member, both};

fn name(topic: &str) -> TopicMatch {
    TopicMatch::Name(topic.to_owned())
}

async fn starts_where_told(protocol: Protocol) {
    let topic = unique(&format!("late-{protocol:?}"));
    create_topic(&topic, 3).await;
    let producer = producer();
    (0..3).for_each(|partition| send(&producer, &topic, partition, 0..100));
    let mut member = Member::join(&options(&topic, protocol), name(&topic));
    member.tips.insert(TopicPartition::new(&topic, 1), 40);
    member.until("all is read", |member| member.count() == 260).await;
    for (partition, first) in [(0, 0), (1, 40), (2, 0)] {
        assert_eq!(member.values(&TopicPartition::new(&topic, partition)), (first..100).collect::<Vec<_>>());
    }
    // The same again under a new generation, while it is being read.
    let again = TopicPartition::new(&topic, 2);
    member.start(&again, 90);
    member.until("the restart is read", |member| member.count() == 270).await;
    assert_eq!(member.values(&again)[100..], (90..100).collect::<Vec<_>>());
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_read_from_where_its_start_says() {
    starts_where_told(Protocol::Classic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_read_from_where_its_start_says_under_the_consumer_protocol() {
    starts_where_told(Protocol::Consumer).await;
}

async fn shares(protocol: Protocol) {
    let topic = unique(&format!("share-{protocol:?}"));
    create_topic(&topic, 6).await;
    let producer = producer();
    (0..6).for_each(|partition| send(&producer, &topic, partition, 0..50));
    let mut one = Member::join(&options(&topic, protocol), name(&topic));
    one.until("one reads all", |one| one.count() == 300).await;
    let mut two = Member::join(&options(&topic, protocol), name(&topic));
    two.tips = one.tips.clone();
    both(&mut one, &mut two, "they share", |one, two| one.owned.len() == 3 && two.owned.len() == 3).await;
    (0..6).for_each(|partition| send(&producer, &topic, partition, 50..100));
    both(&mut one, &mut two, "all is read", |one, two| one.count() + two.count() == 600).await;
    let mut one = {
        two.leave().await;
        one
    };
    one.tips.extend((0..6).map(|partition| (TopicPartition::new(&topic, partition), 100)));
    one.until("all came back", |one| one.owned.len() == 6).await;
    (0..6).for_each(|partition| send(&producer, &topic, partition, 100..110));
    one.until("the rest is read", |one| one.seen.values().flatten().filter(|seen| 100 <= seen.offset).count() == 60)
        .await;
    one.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_and_give_back() {
    shares(Protocol::Classic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_and_give_back_under_the_consumer_protocol() {
    shares(Protocol::Consumer).await;
}
