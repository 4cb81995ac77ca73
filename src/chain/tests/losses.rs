//! Ranges that are read again, and what Kafka has dropped of them.

use super::*;

/// A loss record of the cut: of which objects how many rows were found, and the digest's byte.
fn loss_record(cut: &Cut, found: &[(usize, u64, u8)]) -> Vec<u8> {
    let lost = |&(index, found, digest): &(usize, u64, u8)| {
        let CutObject { key, rows, .. } = cut.objects[index].clone();
        LostObject { key, rows, found, digest: Digest([digest; 32]) }
    };
    let objects = found.iter().map(lost).collect();
    LossRecord { version: VERSION, cut: Digest::of(&cut.to_bytes()), writer: "x".into(), objects }.to_bytes()
}

#[test]
fn rows_that_kafka_dropped_are_written_down_before_less_is_uploaded() {
    let (mut machine, cut) = redoing();
    let mut less = cut.objects[0].clone();
    (less.rows, less.digest) = (4, Digest([3; 32]));
    machine.step(Event::Redone(vec![less]));
    let loss = actions(machine.step(Event::TopicId(Ok(ID))));
    let [Action::PutLoss { key, bytes }] = &loss[..] else { panic!("{loss:?}") };
    assert_eq!(*key, loss_key(&chain(), Offset(0)));
    let record: LossRecord = serde_json::from_slice(bytes).unwrap();
    let lost: Vec<_> = record.objects.iter().map(|lost| (lost.rows, lost.found)).collect();
    assert_eq!(lost, [(12, 4), (3, 0)]);
    assert_eq!(actions(machine.step(Event::LossPut(Err(Unclear)))), [Action::LookAtLoss { key: key.clone() }]);
    let put = actions(machine.step(Event::LossSeen(Ok(Some(bytes.clone())))));
    assert!(matches!(put[..], [Action::PutObject { index: 0, .. }]), "nothing is left of the other");
    let done = actions(machine.step(Event::ObjectPut(0, Ok(()))));
    assert!(matches!(done[..], [Action::Finished { .. }, Action::AskBounds]));
}

#[test]
fn a_smaller_object_is_right_only_where_a_loss_record_says_so() {
    let (key, cut) = foreign();
    let told = loss_record(&cut, &[(0, 1, 3)]);
    let of_another_size = loss_record(&cut, &[(0, 2, 4)]);
    for (losses, right) in [(vec![told.clone()], true), (vec![of_another_size, told], true), (vec![], false)] {
        let mut machine = machine_from(StartAt::Earliest);
        machine.step(Event::Assigned);
        machine.step(Event::TopicId(Ok(ID)));
        machine.step(Event::Tip(Ok(Some((key.clone(), cut.to_bytes())))));
        let smaller = Seen { rows: 1, nonce: "theirs".into(), digest: Digest([3; 32]) };
        machine.step(Event::ObjectSeen(0, Ok(Some(smaller))));
        let mut after = actions(machine.step(Event::ObjectSeen(1, Ok(Some(seen(&cut.objects[1], "theirs"))))));
        for (number, loss) in (0..).zip(losses.into_iter().map(Some).chain([None])) {
            let key = numbered_loss_key(&chain(), Offset(0), number);
            if after != [Action::LookAtLoss { key }] {
                break;
            }
            after = actions(machine.step(Event::LossSeen(Ok(loss))));
        }
        if right {
            assert!(matches!(after[..], [Action::Finished { .. }, Action::AskBounds]));
        } else {
            assert!(matches!(halted(&machine, &after), Problem::ObjectDiffers { .. }));
        }
    }
}

#[test]
fn a_redo_that_finds_more_or_other_records_stops_the_partition() {
    let spoils: [fn(&mut CutObject); 3] = [
        |object| object.rows += 1,
        |object| object.digest = Digest([0; 32]),
        |object| object.hour = BucketHour::of(Some(99 * 3_600_000)),
    ];
    for spoil in spoils {
        let (mut machine, cut) = redoing();
        let mut made = cut.objects.clone();
        spoil(&mut made[0]);
        machine.step(Event::Redone(made));
        let stop = actions(machine.step(Event::TopicId(Ok(ID))));
        assert!(matches!(halted(&machine, &stop), Problem::LogChanged { .. }));
    }
}

#[test]
fn a_loss_record_is_looked_at_once_for_all_objects_so_that_no_late_answer_meets_the_next_cut() {
    let (mut machine, cut) = settling();
    let smaller = |digest: u8| Seen { rows: 1, nonce: "theirs".into(), digest: Digest([digest; 32]) };
    let mut asked = actions(machine.step(Event::ObjectSeen(0, Ok(Some(smaller(3))))));
    asked.extend(actions(machine.step(Event::ObjectSeen(1, Ok(Some(smaller(4)))))));
    assert_eq!(asked, [Action::LookAtLoss { key: loss_key(&chain(), Offset(0)) }]);
    let record = loss_record(&cut, &[(0, 1, 3), (1, 1, 4)]);
    machine.step(Event::LossSeen(Ok(Some(record.clone()))));
    assert_eq!(actions(machine.step(bounds(30, 100))), [Action::AskTopicId], "a gap follows");
    assert_eq!(machine.step(Event::LossSeen(Ok(Some(record)))), [], "of the cut before");
    assert_eq!(machine.tip().next, Offset(20), "the gap is not in the chain yet");
}

#[test]
fn whoever_finds_less_than_a_loss_record_says_writes_another() {
    let (mut machine, cut) = redoing();
    let mut less = cut.objects[0].clone();
    (less.rows, less.digest) = (4, Digest([3; 32]));
    machine.step(Event::Redone(vec![less, cut.objects[1].clone()]));
    machine.step(Event::TopicId(Ok(ID)));
    machine.step(Event::LossPut(Err(Unclear)));
    let theirs = loss_record(&cut, &[(0, 7, 9)]);
    let put = actions(machine.step(Event::LossSeen(Ok(Some(theirs)))));
    let [Action::PutLoss { key, bytes }] = &put[..] else { panic!("{put:?}") };
    assert_eq!(*key, numbered_loss_key(&chain(), Offset(0), 1));
    let record = LossRecord::parse(key, bytes, Digest::of(&cut.to_bytes())).unwrap();
    assert_eq!((record.objects[0].found, record.objects[0].digest), (4, Digest([3; 32])));
    let put = actions(machine.step(Event::LossPut(Ok(()))));
    assert!(matches!(put[..], [Action::PutObject { index: 0, .. }, Action::PutObject { index: 1, .. }]));
}

#[test]
fn a_damaged_loss_record_stops_the_partition() {
    let (mut machine, cut) = settling();
    let smaller = Seen { rows: 1, nonce: "theirs".into(), digest: Digest([3; 32]) };
    machine.step(Event::ObjectSeen(0, Ok(Some(smaller))));
    machine.step(Event::ObjectSeen(1, Ok(Some(seen(&cut.objects[1], "theirs")))));
    let stop = actions(machine.step(Event::LossSeen(Ok(Some(b"{}".to_vec())))));
    assert!(matches!(halted(&machine, &stop), Problem::Cut(CutError::Damaged { .. })));
}
