//! The rules, step by step, without a store or a log: what is answered is written in the test.

mod losses;

use super::*;
use crate::domain::{Bounds, BucketHour, Digest, ObjectKind, Offset, StartAt, TopicId, TopicPartition};

const ID: TopicId = TopicId([7; 16]);

fn partition() -> TopicPartition {
    TopicPartition::new("dev.a.b.c.D", 3)
}

fn chain() -> ChainId {
    ChainId { partition: partition(), topic_id: ID }
}

fn machine_from(start: StartAt) -> Machine {
    Machine::new(partition(), "cluster".into(), "w0".into(), "s".into(), start)
}

fn object(hour: i64, rows: u64, first: i64, next: i64, digest: u8) -> CutObject {
    let hour = BucketHour::of(Some(hour * 3_600_000));
    CutObject {
        key: object_key(ObjectKind::Rows, "t", hour, None, &chain(), Offset(first)),
        kind: ObjectKind::Rows,
        hour,
        rows,
        first: Offset(first),
        next: Offset(next),
        digest: Digest([digest; 32]),
    }
}

fn proposal(next: i64, nonce: &str, objects: Vec<CutObject>) -> Proposal {
    Proposal {
        next: Offset(next),
        layout: Digest([1; 32]),
        nonce: nonce.into(),
        min_timestamp: Some(5),
        max_timestamp: Some(9),
        objects,
    }
}

fn actions(commands: Vec<Command>) -> Vec<Action> {
    commands.into_iter().map(|command| command.action).collect()
}

fn bounds(first: i64, stable_end: i64) -> Event {
    Event::Bounds(Ok(Bounds { first: Offset(first), stable_end: Offset(stable_end) }))
}

/// Brings a machine to reading an empty chain of a log that holds `0..100`.
fn reading() -> Machine {
    let mut machine = machine_from(StartAt::Earliest);
    assert_eq!(actions(machine.step(Event::Assigned)), [Action::AskTopicId]);
    let prefix = chain_prefix(&chain());
    assert_eq!(actions(machine.step(Event::TopicId(Ok(ID)))), [Action::FindTip { prefix }]);
    assert_eq!(actions(machine.step(Event::Tip(Ok(None)))), [Action::AskBounds]);
    assert_eq!(actions(machine.step(bounds(0, 100))), [Action::Read { from: Offset(0) }]);
    assert!(machine.is_open());
    machine
}

/// Proposes `0..10` in two objects and returns the record that is put.
fn put_first_cut(machine: &mut Machine) -> (String, Vec<u8>) {
    let objects = vec![object(1, 6, 0, 8, 1), object(2, 4, 3, 10, 2)];
    assert_eq!(actions(machine.step(Event::Proposed(proposal(10, "n1", objects)))), [Action::AskTopicId]);
    match actions(machine.step(Event::TopicId(Ok(ID)))).as_slice() {
        [Action::PutCut { key, bytes }] => (key.clone(), bytes.clone()),
        other => panic!("{other:?}"),
    }
}

fn seen(object: &CutObject, nonce: &str) -> Seen {
    Seen { rows: object.rows, nonce: nonce.into(), digest: object.digest }
}

/// A cut of somebody else over `0..20`.
fn foreign() -> (String, Cut) {
    let mut machine = reading();
    let objects = vec![object(1, 12, 0, 20, 8), object(5, 3, 4, 9, 9)];
    machine.step(Event::Proposed(proposal(20, "theirs", objects)));
    match actions(machine.step(Event::TopicId(Ok(ID)))).as_slice() {
        [Action::PutCut { key, bytes }] => (key.clone(), Cut::parse(key, bytes).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn halted(machine: &Machine, actions: &[Action]) -> Problem {
    assert_eq!(machine.phase(), Phase::Halted);
    match actions {
        [Action::StopReading, Action::Halt(problem)] => (**problem).clone(),
        other => panic!("{other:?}"),
    }
}

/// Brings a machine to the redo of [`foreign`] with both objects missing.
fn redoing() -> (Machine, Cut) {
    let (mut machine, cut) = settling();
    machine.step(Event::ObjectSeen(0, Ok(None)));
    machine.step(Event::ObjectSeen(1, Ok(None)));
    machine.step(bounds(5, 100));
    (machine, cut)
}

/// Brings a machine to a cut of somebody else, whose objects it looks for.
fn settling() -> (Machine, Cut) {
    let mut machine = machine_from(StartAt::Earliest);
    machine.step(Event::Assigned);
    machine.step(Event::TopicId(Ok(ID)));
    let (key, cut) = foreign();
    machine.step(Event::Tip(Ok(Some((key, cut.to_bytes())))));
    (machine, cut)
}

#[test]
fn a_cut_is_put_then_its_objects_and_only_then_may_the_next_be_proposed() {
    let mut machine = reading();
    let (_, bytes) = put_first_cut(&mut machine);
    let puts = actions(machine.step(Event::CutPut(Ok(()))));
    assert!(matches!(puts[..], [Action::PutObject { index: 0, .. }, Action::PutObject { index: 1, .. }]));
    assert!(!machine.is_open());
    assert_eq!(actions(machine.step(Event::Proposed(proposal(20, "n2", vec![object(1, 1, 10, 20, 3)])))), []);
    assert_eq!(actions(machine.step(Event::ObjectPut(1, Ok(())))), []);
    let done = actions(machine.step(Event::ObjectPut(0, Ok(()))));
    assert!(matches!(&done[..], [Action::Finished { cut, by: Finisher::Us }] if cut.next == Offset(10)));
    assert_eq!(machine.tip(), Tip { next: Offset(10), previous: Some(Digest::of(&bytes)) });
    assert!(machine.is_open());
}

#[test]
fn the_next_cut_is_linked_to_the_one_before() {
    let mut machine = reading();
    let (_, first) = put_first_cut(&mut machine);
    machine.step(Event::CutPut(Ok(())));
    machine.step(Event::ObjectPut(0, Ok(())));
    machine.step(Event::ObjectPut(1, Ok(())));
    machine.step(Event::Proposed(proposal(20, "n2", vec![object(1, 1, 12, 20, 3)])));
    match actions(machine.step(Event::TopicId(Ok(ID)))).as_slice() {
        [Action::PutCut { key, bytes }] => {
            let cut = Cut::parse(key, bytes).unwrap();
            assert_eq!((cut.first, cut.previous), (Offset(10), Some(Digest::of(&first))));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unclear_put_is_looked_at_and_put_again_only_where_nothing_is() {
    let mut machine = reading();
    let (key, bytes) = put_first_cut(&mut machine);
    assert_eq!(actions(machine.step(Event::CutPut(Err(Unclear)))), [Action::LookAtCut { key: key.clone() }]);
    let again = machine.step(Event::CutSeen(Err(Unclear)));
    assert_eq!(again, [Command { attempt: 1, action: Action::LookAtCut { key: key.clone() } }]);
    let again = machine.step(Event::CutSeen(Ok(None)));
    assert_eq!(again, [Command { attempt: 2, action: Action::PutCut { key, bytes: bytes.clone() } }]);
    machine.step(Event::CutPut(Err(Unclear)));
    let won = actions(machine.step(Event::CutSeen(Ok(Some(bytes)))));
    assert!(matches!(won[..], [Action::PutObject { .. }, Action::PutObject { .. }]));
}

#[test]
fn another_s_cut_is_adopted_and_what_is_missing_of_it_made_again() {
    let mut machine = reading();
    put_first_cut(&mut machine);
    machine.step(Event::CutPut(Err(Unclear)));
    let (_, cut) = foreign();
    let adopted = actions(machine.step(Event::CutSeen(Ok(Some(cut.to_bytes())))));
    assert!(matches!(adopted[..], [Action::StopReading, Action::LookAtObject { .. }, Action::LookAtObject { .. }]));
    assert_eq!(actions(machine.step(Event::ObjectSeen(0, Ok(Some(seen(&cut.objects[0], "theirs")))))), []);
    assert_eq!(actions(machine.step(Event::ObjectSeen(1, Ok(None)))), [Action::AskBounds]);
    let redo = actions(machine.step(bounds(0, 100)));
    assert_eq!(redo, [Action::Redo { cut: Box::new(cut.clone()), from: Offset(0) }]);
    assert_eq!(actions(machine.step(Event::Redone(cut.objects.clone()))), [Action::AskTopicId]);
    let put = actions(machine.step(Event::TopicId(Ok(ID))));
    assert!(matches!(&put[..], [Action::PutObject { index: 1, key }] if *key == cut.objects[1].key));
    let done = actions(machine.step(Event::ObjectPut(1, Ok(()))));
    assert!(matches!(done[..], [Action::Finished { by: Finisher::Adopted, .. }, Action::AskBounds]));
    assert_eq!(actions(machine.step(bounds(0, 100))), [Action::Read { from: Offset(20) }]);
}

#[test]
fn the_newest_cut_is_finished_before_anything_is_read() {
    let mut machine = machine_from(StartAt::Earliest);
    machine.step(Event::Assigned);
    machine.step(Event::TopicId(Ok(ID)));
    let (key, cut) = foreign();
    let looks = actions(machine.step(Event::Tip(Ok(Some((key, cut.to_bytes()))))));
    assert!(matches!(looks[..], [Action::LookAtObject { .. }, Action::LookAtObject { .. }]));
    assert_eq!(machine.phase(), Phase::Settling);
    let again = machine.step(Event::ObjectSeen(0, Err(Unclear)));
    assert!(matches!(again[..], [Command { attempt: 1, action: Action::LookAtObject { index: 0, .. } }]));
}

#[test]
fn a_topic_created_anew_starts_a_new_chain_and_keeps_nothing_that_was_read() {
    let mut machine = reading();
    machine.step(Event::Proposed(proposal(10, "n1", vec![object(1, 10, 0, 10, 1)])));
    let other = TopicId([8; 16]);
    let commands = actions(machine.step(Event::TopicId(Ok(other))));
    let prefix = chain_prefix(&ChainId { partition: partition(), topic_id: other });
    assert_eq!(commands, [Action::StopReading, Action::FindTip { prefix }]);
    assert_eq!(machine.tip(), Tip { next: Offset(0), previous: None });
}

#[test]
fn a_topic_created_anew_during_a_redo_is_not_taken_for_a_loss() {
    let (mut machine, _) = settling();
    machine.step(Event::ObjectSeen(0, Ok(None)));
    machine.step(Event::ObjectSeen(1, Ok(None)));
    machine.step(bounds(0, 100));
    machine.step(Event::Redone(Vec::new()));
    let commands = actions(machine.step(Event::TopicId(Ok(TopicId([8; 16])))));
    assert!(matches!(commands[..], [Action::StopReading, Action::FindTip { .. }]), "{commands:?}");
}

#[test]
fn what_retention_took_becomes_a_gap_in_the_chain() {
    let mut machine = machine_from(StartAt::Earliest);
    machine.step(Event::Assigned);
    machine.step(Event::TopicId(Ok(ID)));
    machine.step(Event::Tip(Ok(None)));
    assert_eq!(actions(machine.step(bounds(40, 100))), [Action::AskTopicId]);
    let put = actions(machine.step(Event::TopicId(Ok(ID))));
    let [Action::PutCut { key, bytes }] = &put[..] else { panic!("{put:?}") };
    let gap = Cut::parse(key, bytes).unwrap();
    assert_eq!((gap.first, gap.next, gap.reason), (Offset(0), Offset(40), Some(GapReason::Retention)));
    let done = actions(machine.step(Event::CutPut(Ok(()))));
    assert!(matches!(done[..], [Action::Finished { .. }, Action::AskBounds]));
    assert_eq!(actions(machine.step(bounds(40, 100))), [Action::Read { from: Offset(40) }]);
}

#[test]
fn a_later_start_is_a_gap_too_and_only_in_an_empty_chain() {
    let mut machine = machine_from(StartAt::Latest);
    machine.step(Event::Assigned);
    machine.step(Event::TopicId(Ok(ID)));
    machine.step(Event::Tip(Ok(None)));
    assert_eq!(actions(machine.step(bounds(0, 100))), [Action::AskStart(StartAt::Latest)]);
    machine.step(Event::StartOffset(Ok(Offset(100))));
    let put = actions(machine.step(Event::TopicId(Ok(ID))));
    let [Action::PutCut { key, bytes }] = &put[..] else { panic!("{put:?}") };
    assert_eq!(Cut::parse(key, bytes).unwrap().reason, Some(GapReason::Skipped));
    machine.step(Event::CutPut(Ok(())));
    assert_eq!(actions(machine.step(bounds(0, 100))), [Action::Read { from: Offset(100) }]);
}

/// Brings a machine to where it asks for the log's bounds, at a chain that ends at 20.
fn positioning() -> Machine {
    let mut machine = machine_from(StartAt::Earliest);
    machine.step(Event::Assigned);
    machine.step(Event::TopicId(Ok(ID)));
    let (key, cut) = foreign();
    machine.step(Event::Tip(Ok(Some((key, cut.to_bytes())))));
    machine.step(Event::ObjectSeen(0, Ok(Some(seen(&cut.objects[0], "theirs")))));
    machine.step(Event::ObjectSeen(1, Ok(Some(seen(&cut.objects[1], "theirs")))));
    machine
}

#[test]
fn a_chain_beyond_the_log_s_end_is_believed_after_asking_again() {
    let mut machine = positioning();
    for attempt in 1..5 {
        assert_eq!(machine.step(bounds(0, 19)), [Command { attempt, action: Action::AskBounds }]);
    }
    assert_eq!(actions(machine.step(bounds(0, 19))), [Action::AskTopicId], "it may be another topic by now");
    let stop = actions(machine.step(Event::TopicId(Ok(ID))));
    assert!(matches!(halted(&machine, &stop), Problem::ChainAheadOfLog { .. }));
    assert_eq!(machine.step(bounds(0, 100)), [], "stopped is stopped");
}

#[test]
fn a_leader_that_did_not_answer_has_not_said_that_the_log_is_short() {
    let mut machine = positioning();
    for _ in 0..9 {
        machine.step(Event::Bounds(Err(Unclear)));
    }
    for _ in 1..5 {
        assert_eq!(actions(machine.step(bounds(0, 19))), [Action::AskBounds]);
    }
    assert_eq!(actions(machine.step(bounds(0, 100))), [Action::Read { from: Offset(20) }]);
}

#[test]
fn an_object_that_is_there_and_different_stops_the_partition() {
    for spoil in [
        |seen: &mut Seen| seen.nonce = "x".into(),
        |seen: &mut Seen| seen.rows += 1,
        |seen: &mut Seen| seen.digest = Digest([0; 32]),
    ] {
        let mut machine = reading();
        put_first_cut(&mut machine);
        machine.step(Event::CutPut(Ok(())));
        machine.step(Event::ObjectPut(0, Err(Unclear)));
        let mut found = seen(&object(1, 6, 0, 8, 1), "n1");
        spoil(&mut found);
        let stop = actions(machine.step(Event::ObjectSeen(0, Ok(Some(found)))));
        assert!(matches!(halted(&machine, &stop), Problem::ObjectDiffers { .. }));
    }
}

#[test]
fn damaged_misplaced_and_foreign_cuts_stop_the_partition() {
    let (key, cut) = foreign();
    let mut of_another_cluster = cut.clone();
    of_another_cluster.cluster = "elsewhere".into();
    for (bytes, text) in [(b"{".to_vec(), "is damaged"), (of_another_cluster.to_bytes(), "Kafka cluster elsewhere")] {
        let mut machine = machine_from(StartAt::Earliest);
        machine.step(Event::Assigned);
        machine.step(Event::TopicId(Ok(ID)));
        let stop = actions(machine.step(Event::Tip(Ok(Some((key.clone(), bytes))))));
        let problem = halted(&machine, &stop).to_string();
        assert!(problem.contains(text), "{problem}");
    }
}

#[test]
fn letting_go_finishes_a_decided_cut_and_drops_an_undecided_one() {
    let mut machine = reading();
    assert_eq!(actions(machine.step(Event::LetGo)), [Action::StopReading, Action::Released]);

    let mut machine = reading();
    machine.step(Event::Proposed(proposal(10, "n1", vec![object(1, 10, 0, 10, 1)])));
    assert_eq!(actions(machine.step(Event::LetGo)), [Action::StopReading, Action::Released]);
    assert_eq!(machine.step(Event::TopicId(Ok(ID))), [], "too late to be put");

    let mut machine = reading();
    put_first_cut(&mut machine);
    assert_eq!(actions(machine.step(Event::LetGo)), [Action::StopReading]);
    machine.step(Event::CutPut(Ok(())));
    machine.step(Event::ObjectPut(0, Ok(())));
    let done = actions(machine.step(Event::ObjectPut(1, Ok(()))));
    assert!(matches!(done[..], [Action::Finished { .. }, Action::Released]));
}

#[test]
fn an_offset_that_left_the_log_while_reading_is_positioned_anew() {
    let mut machine = reading();
    assert_eq!(actions(machine.step(Event::OutOfRange)), [Action::AskBounds]);
    assert_eq!(actions(machine.step(bounds(30, 100))), [Action::AskTopicId]);
}

#[test]
fn whoever_was_let_go_does_not_begin_to_read_a_range_again() {
    let (mut machine, _) = settling();
    assert_eq!(actions(machine.step(Event::LetGo)), [Action::StopReading]);
    machine.step(Event::ObjectSeen(0, Ok(None)));
    assert_eq!(actions(machine.step(Event::ObjectSeen(1, Ok(None)))), [Action::Released]);
}

#[test]
fn a_topic_created_anew_and_shorter_than_the_chain_starts_a_chain_of_its_own() {
    let new = TopicId([8; 16]);
    let mut positioning = reading();
    positioning.step(Event::Proposed(proposal(10, "n1", vec![object(1, 10, 0, 10, 1)])));
    positioning.step(Event::TopicId(Ok(ID)));
    positioning.step(Event::CutPut(Ok(())));
    positioning.step(Event::ObjectPut(0, Ok(())));
    assert_eq!(actions(positioning.step(Event::OutOfRange)), [Action::AskBounds]);
    let (mut redoing, _) = redoing();
    assert_eq!(actions(redoing.step(Event::OutOfRange)), [Action::AskBounds]);
    for mut machine in [positioning, redoing] {
        let asked = (0..5).map(|_| actions(machine.step(bounds(0, 2)))).last();
        assert_eq!(asked, Some(vec![Action::AskTopicId]));
        let commands = actions(machine.step(Event::TopicId(Ok(new))));
        assert!(matches!(commands[..], [Action::StopReading, Action::FindTip { .. }]), "{commands:?}");
        assert_eq!(machine.tip().next, Offset(0));
    }
}
