use super::*;
use crate::source::Scan;
use crate::source::{SourceCommand, SourceEvent};

fn log(partitions: usize) -> (ScriptedLog, TopicPartition) {
    let log = ScriptedLog::new();
    log.create_topic("t", partitions);
    (log, TopicPartition::new("t", 0))
}

fn start(member: &mut ScriptedMember, partition: &TopicPartition, at: i64) {
    member.assign(std::slice::from_ref(partition));
    assert!(matches!(member.poll(), Some(SourceEvent::Assigned(_))));
    member.obey(SourceCommand::Start { partition: partition.clone(), at: Offset(at), generation: 1 });
}

/// What is told until nothing is left, in short words.
fn all(member: &mut ScriptedMember) -> Vec<String> {
    let tell = |event| match event {
        SourceEvent::Records(batches) => {
            let batch = &batches[0];
            format!("{} {:?}", batch.partition, batch.records.iter().map(|record| record.offset).collect::<Vec<_>>())
        }
        SourceEvent::Scanned(Scan { partition, next, stable_end, .. }) => {
            format!("{partition} to {next} of {stable_end}")
        }
        other => format!("{other:?}"),
    };
    std::iter::from_fn(|| member.poll()).map(tell).collect()
}

#[test]
fn aborted_compacted_and_control_offsets_are_passed_over_and_told() {
    let (log, partition) = log(1);
    for value in ["a", "b", "c"] {
        log.append(&partition, ScriptedRecord::new(value));
    }
    log.compact(&partition, Offset(1));
    log.append_open(&partition, ScriptedRecord::new("d"));
    let mut member = log.join(MemoryBudget::new(1 << 20), 10);
    start(&mut member, &partition, 0);
    assert_eq!(all(&mut member), ["t/0 [0, 2]", "t/0 to 3 of 3"]);
    log.end_transaction(&partition, Outcome::Aborted);
    assert_eq!(all(&mut member), ["t/0 to 5 of 5"]);
    log.append_open(&partition, ScriptedRecord::new("e"));
    log.end_transaction(&partition, Outcome::Committed);
    assert_eq!(all(&mut member), ["t/0 [5]", "t/0 to 7 of 7"]);
}

#[test]
fn partitions_take_turns_and_a_full_budget_holds_back() {
    let (log, zero) = log(2);
    let one = TopicPartition::new("t", 1);
    for _ in 0..3 {
        log.append(&zero, ScriptedRecord::new("x"));
        log.append(&one, ScriptedRecord::new("x"));
    }
    let budget = MemoryBudget::new(1 << 20);
    let mut member = log.join(budget.clone(), 2);
    start(&mut member, &zero, 0);
    start(&mut member, &one, 1);
    let held = budget.take(1 << 20);
    assert!(member.poll().is_none());
    drop(held);
    assert_eq!(all(&mut member), ["t/0 [0, 1]", "t/1 [1, 2]", "t/0 [2]", "t/1 to 3 of 3", "t/0 to 3 of 3"]);
}

#[test]
fn an_offset_outside_the_log_is_told_once_and_a_re_created_topic_reads_on_in_silence() {
    let (log, partition) = log(1);
    for _ in 0..4 {
        log.append(&partition, ScriptedRecord::new("x"));
    }
    log.expire_before(&partition, Offset(2));
    let mut member = log.join(MemoryBudget::new(1 << 20), 10);
    start(&mut member, &partition, 0);
    assert_eq!(all(&mut member), ["OutOfRange { partition: t/0, generation: 1 }"]);
    member.obey(SourceCommand::Start { partition: partition.clone(), at: Offset(2), generation: 2 });
    assert_eq!(all(&mut member), ["t/0 [2, 3]", "t/0 to 4 of 4"]);
    log.delete_topic("t");
    log.create_topic("t", 1);
    for _ in 0..5 {
        log.append(&partition, ScriptedRecord::new("y"));
    }
    assert_eq!(all(&mut member), ["t/0 [4]", "t/0 to 5 of 5"]);
}

#[tokio::test]
async fn the_log_answers_as_a_broker_would() {
    let (log, partition) = log(1);
    for millis in [10, 20, 30] {
        log.append(&partition, ScriptedRecord::new("x").at(millis));
    }
    assert_eq!(log.bounds(&partition).await.unwrap(), Bounds { first: Offset(0), stable_end: Offset(3) });
    assert_eq!(log.offset_at(&partition, StartAt::Time(15)).await.unwrap(), Offset(1));
    assert_eq!(log.offset_at(&partition, StartAt::Time(31)).await.unwrap(), Offset(3));
    let first = log.topic_id(&partition).await.unwrap();
    log.delete_topic("t");
    assert!(matches!(log.topic_id(&partition).await, Err(LogError::NoTopic(_))));
    assert_ne!(log.create_topic("t", 1), first);
    log.set_away(true);
    assert!(matches!(log.topics().await, Err(LogError::Unavailable(_))));
}

#[tokio::test]
async fn a_link_moves_commands_and_events_until_the_channel_is_full() {
    let (log, partition) = log(1);
    for _ in 0..3 {
        log.append(&partition, ScriptedRecord::new("x"));
    }
    let mut member = log.join(MemoryBudget::new(1 << 20), 1);
    let (mut source, mut link) = Link::new(2);
    member.assign(std::slice::from_ref(&partition));
    assert_eq!(link.exchange(&mut member), 1);
    assert!(matches!(source.events.recv().await, Some(SourceEvent::Assigned(_))));
    source.commands.send(SourceCommand::Start { partition: partition.clone(), at: Offset(0), generation: 1 }).unwrap();
    assert_eq!(link.exchange(&mut member), 3);
    assert_eq!(link.exchange(&mut member), 0);
    let replied = member.revoke(std::slice::from_ref(&partition));
    drop((source.events.recv().await, source.events.recv().await));
    assert_eq!(link.exchange(&mut member), 1);
    let Some(SourceEvent::Revoked { reply, .. }) = source.events.recv().await else { panic!("not revoked") };
    reply.send(()).unwrap();
    replied.await.unwrap();
    drop(link);
    assert!(source.events.recv().await.is_none());
}
