//! Each way in which an archive can be wrong, done to a real one in a folder, and what `verify` says of it.

mod copy;
mod speed;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alluvium::chain::{Cut, CutKind, GapReason, cut_key, loss_key, object_key};
use alluvium::domain::{BucketHour, Digest, ObjectKind, Offset, OffsetRange, Topic};
use alluvium::store::{ArchiveStore, Fault, FaultStore, LocalStore, Operation, always};
use alluvium::verify::{Anchors, Depth, FindingKind, Scope, Verify, VerifyError};
use alluvium::walk::Window;

use copy::{Copy, only, run};

use crate::rig::{BASE, HOUR};

const DEPTHS: [Depth; 3] = [Depth::Listing, Depth::Footers, Depth::Rows];

#[tokio::test]
async fn a_sound_archive_is_clean_at_every_depth_and_verifying_changes_nothing() {
    let copy = Copy::new().await;
    let before = snapshot(copy.folder.path());
    for depth in DEPTHS {
        let report = copy.report(depth).await;
        assert!(report.is_clean(), "{:#?}", report.findings);
        assert_eq!((report.cuts, report.rows, report.checked), (copy.cuts.len() as u64, 40, depth));
        assert_eq!(report.chains[0].tip.unwrap().next, Offset(40));
    }
    assert_eq!(snapshot(copy.folder.path()), before);
}

fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(snapshot(&path)),
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_deleted_object_is_missing_with_the_cut_that_names_it() {
    let copy = Copy::new().await;
    let object = &copy.cuts[1].objects[0];
    copy.remove(&object.key);
    for depth in DEPTHS {
        let finding = copy.one(depth).await;
        assert_eq!((finding.kind, &finding.key), (FindingKind::MissingObject, &object.key));
        assert!(finding.what.starts_with(&copy.cut_key(1)), "{}", finding.what);
        assert_eq!(finding.range(), OffsetRange::new(object.first, object.next));
    }
}

/// Every byte of an object: a flipped one is told by the deep look, or changes nothing that anybody reads.
#[tokio::test]
async fn an_altered_byte_is_found_by_the_deep_look() {
    let copy = Copy::new().await;
    let key = &copy.cuts[2].objects[1].key;
    let whole = copy.read(key);
    // The middle of the pages.
    let at = whole.len() / 3;
    let mut altered = whole.clone();
    altered[at] ^= 0x10;
    copy.write(key, &altered);
    let finding = copy.one(Depth::Rows).await;
    assert!(matches!(finding.kind, FindingKind::UnreadableObject | FindingKind::WrongRecords), "{finding}");
    assert_eq!(&finding.key, key);
    assert!(copy.report(Depth::Listing).await.is_clean(), "a listing does not show it, and the report says so");
    // Cut short, the footer is gone.
    copy.write(key, &whole[..whole.len() - 1]);
    assert_eq!(copy.one(Depth::Footers).await.kind, FindingKind::UnreadableObject);
    copy.write(key, "");
    assert_eq!(copy.one(Depth::Footers).await.kind, FindingKind::UnreadableObject);
}

#[tokio::test]
async fn swapped_objects_are_both_told_with_the_cut_they_are_of() {
    let copy = Copy::new().await;
    let (one, other) = (&copy.cuts[1].objects[0].key, &copy.cuts[2].objects[0].key);
    let (a, b) = (copy.read(one), copy.read(other));
    copy.write(one, b);
    copy.write(other, a);
    let report = copy.report(Depth::Footers).await;
    assert_eq!(report.findings.len(), 2, "{:#?}", report.findings);
    for (finding, of) in report.findings.iter().zip([copy.cut_key(2), copy.cut_key(1)]) {
        assert_eq!(finding.kind, FindingKind::WrongObject);
        assert!(finding.what.contains(&of), "{finding}");
    }
    // Within a cut, too.
    let (one, other) = (&copy.cuts[1].objects[0].key, &copy.cuts[1].objects[1].key);
    copy.write(&copy.cuts[2].objects[0].key, copy.rig.store.get(&copy.cuts[2].objects[0].key).await.unwrap().unwrap());
    let (a, b) = (copy.rig.store.get(one).await.unwrap().unwrap(), copy.rig.store.get(other).await.unwrap().unwrap());
    copy.write(one, b);
    copy.write(other, a);
    let report = copy.report(Depth::Footers).await;
    assert_eq!(report.findings.len(), 2, "{:#?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.what.contains("hour")), "{:#?}", report.findings);
}

#[tokio::test]
async fn a_cut_deleted_in_the_middle_is_a_hole_named_by_its_key_and_its_objects_are_part_of_it() {
    let copy = Copy::new().await;
    copy.remove(&copy.cut_key(2));
    for depth in DEPTHS {
        let report = copy.report(depth).await;
        assert_eq!(report.orphans, copy.cuts[2].objects.len() as u64);
        let finding = only(report);
        assert_eq!((finding.kind, finding.key.as_str()), (FindingKind::MissingCut, copy.cut_key(2).as_str()));
        assert_eq!(finding.range(), Some(copy.cuts[2].range()));
    }
    // The oldest.
    let copy = Copy::new().await;
    copy.remove(&copy.cut_key(0));
    let finding = copy.one(Depth::Listing).await;
    assert_eq!((finding.kind, finding.key), (FindingKind::MissingCut, copy.cut_key(0)));
}

#[tokio::test]
async fn a_chain_cut_short_is_told_by_an_anchor_and_by_the_objects_left_behind() {
    let copy = Copy::new().await;
    let anchors = Anchors::of("here".into(), &copy.report(Depth::Listing).await.chains);
    let anchors = Anchors::parse(&anchors.to_bytes()).unwrap();
    let newest = copy.cuts.len() - 1;
    copy.remove(&copy.cut_key(newest));
    let left = copy.report(Depth::Listing).await;
    assert_eq!(left.findings.len(), copy.cuts[newest].objects.len(), "{:#?}", left.findings);
    assert!(left.findings.iter().all(|finding| finding.kind == FindingKind::StrangeObject));
    // With the objects gone, too, only what was written down elsewhere can tell.
    copy.cuts[newest].objects.iter().for_each(|object| copy.remove(&object.key));
    assert!(copy.report(Depth::Footers).await.is_clean());
    let anchored = Verify { anchors: anchors.tips.clone(), ..copy.verify(Depth::Footers) };
    let finding = only(run(&anchored).await);
    assert_eq!((finding.kind, finding.key.clone()), (FindingKind::TruncatedChain, copy.cut_key(newest)));
    assert_eq!(finding.range(), Some(copy.cuts[newest].range()));
    // A whole chain that is gone, and a whole archive.
    fs::remove_dir_all(copy.folder.path().join("tables")).unwrap();
    fs::remove_dir_all(copy.folder.path().join("chain")).unwrap();
    assert_eq!(only(run(&anchored).await).kind, FindingKind::TruncatedChain);
    let error = copy.verify(Depth::Footers).run(&|_| {}).await.unwrap_err();
    assert!(matches!(error, VerifyError::NoChain { .. }), "{error}");
}

#[tokio::test]
async fn an_anchor_that_is_still_in_a_longer_chain_is_well() {
    let mut copy = Copy::new().await;
    let anchors = Anchors::of("here".into(), &copy.report(Depth::Listing).await.chains).tips;
    copy.append_gap(5);
    let report = run(&Verify { anchors, ..copy.verify(Depth::Footers) }).await;
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(report.chains[0].gaps.len(), 1, "a gap is told, and is no finding");
}

#[tokio::test]
async fn what_nobody_s_cut_names_is_foreign() {
    let copy = Copy::new().await;
    let object = &copy.cuts[1].objects[0];
    let key = |kind, hour: i64, first| {
        let table = object.key.split('/').nth(1).unwrap();
        object_key(kind, table, BucketHour::of(Some(BASE + hour * HOUR)), Some(BASE), &copy.chain, first)
    };
    let strangers = [
        key(ObjectKind::Rows, 7, copy.cuts[1].first),
        key(ObjectKind::Rows, 0, Offset(copy.cuts[1].first.0 + 1)),
        key(ObjectKind::Quarantine, 0, Offset(900)),
        format!("{}.bak", object.key),
        "tables/other/part-0000.parquet".to_owned(),
    ];
    for stranger in &strangers {
        copy.write(stranger, copy.read(&object.key));
        for depth in DEPTHS {
            let finding = copy.one(depth).await;
            assert_eq!((finding.kind, &finding.key), (FindingKind::StrangeObject, stranger));
        }
        copy.remove(stranger);
    }
    for stranger in [loss_key(&copy.chain, Offset(1)), format!("{}.old", copy.cut_key(1))] {
        copy.write(&stranger, "{}");
        let finding = copy.one(Depth::Listing).await;
        assert_eq!((finding.kind, &finding.key), (FindingKind::StrangeKey, &stranger));
        copy.remove(&stranger);
    }
}

#[tokio::test]
async fn a_forged_cut_is_told_by_its_successor_its_object_or_an_anchor() {
    // One record overwritten: the next names another hash.
    let copy = Copy::new().await;
    let forged = Cut { writer: "somebody".into(), ..copy.cuts[1].clone() };
    copy.write(&copy.cut_key(1), forged.to_bytes());
    let finding = copy.one(Depth::Listing).await;
    assert_eq!((finding.kind, finding.key), (FindingKind::BrokenLink, copy.cut_key(1)));

    // All of them linked anew: the objects bear another nonce, and a tip kept elsewhere another hash.
    let mut copy = Copy::new().await;
    let anchors = Anchors::of("here".into(), &copy.report(Depth::Listing).await.chains).tips;
    copy.forge_from(1, |cut| cut.nonce = "forged".into());
    let report = copy.report(Depth::Footers).await;
    assert_eq!(report.findings.len(), 3, "one for each object: {:#?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.kind == FindingKind::WrongObject));
    let finding = only(run(&Verify { anchors, ..copy.verify(Depth::Listing) }).await);
    assert_eq!(finding.kind, FindingKind::BrokenLink);

    // One more, squeezed into another's range.
    let copy = Copy::new().await;
    let first = Offset(copy.cuts[1].first.0 + 1);
    let squeezed = Cut {
        first,
        kind: CutKind::Gap,
        reason: Some(GapReason::Skipped),
        layout: None,
        objects: Vec::new(),
        previous: Some(Digest::of(&copy.cuts[1].to_bytes())),
        ..copy.cuts[1].clone()
    };
    copy.write(&cut_key(&copy.chain, first), squeezed.to_bytes());
    let report = copy.report(Depth::Listing).await;
    assert!(report.findings.iter().any(|finding| finding.kind == FindingKind::OverlappingCuts), "{report:#?}");
}

#[tokio::test]
async fn a_cut_that_contradicts_itself_is_told() {
    let spoil: [fn(&mut Cut); 4] = [
        |cut| cut.objects[0].rows = 900,
        |cut| cut.objects[0].key = cut.objects[0].key.replace("hour=", "hour=x"),
        |cut| cut.objects[1].hour = cut.objects[0].hour,
        |cut| (cut.min_timestamp, cut.max_timestamp) = (Some(BASE + HOUR), Some(BASE)),
    ];
    for spoil in spoil {
        let mut copy = Copy::new().await;
        copy.forge_from(1, spoil);
        let found = copy.report(Depth::Listing).await.findings;
        assert!(found.iter().any(|finding| finding.kind == FindingKind::ContradictoryCut), "{found:#?}");
    }
}

#[tokio::test]
async fn bad_records_are_one_finding_each_and_the_rest_is_judged_all_the_same() {
    let copy = Copy::new().await;
    let text = String::from_utf8(copy.read(&copy.cut_key(1))).unwrap();
    copy.write(&copy.cut_key(1), text.replacen("\"version\":1", "\"version\":9,\"new\":[]", 1));
    copy.write(&copy.cut_key(3), &text);
    let newest = copy.cuts.len() - 1;
    copy.write(&copy.cut_key(newest), &text[..text.len() / 2]);
    let missing = &copy.cuts[0].objects[0].key;
    copy.remove(missing);
    let report = copy.report(Depth::Footers).await;
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.kind, finding.key.clone())).collect();
    let expected = [
        // Of the newest nothing tells the range.
        (FindingKind::UnreadableRecord, copy.cut_key(newest)),
        (FindingKind::MissingObject, missing.clone()),
        (FindingKind::NewerRecord, copy.cut_key(1)),
        (FindingKind::MisplacedRecord, copy.cut_key(3)),
    ];
    assert_eq!(found, expected);
    assert!(report.findings.iter().all(|finding| !finding.what.is_empty() && !finding.remedy.is_empty()));
}

#[tokio::test]
async fn an_unknown_layout_is_one_finding_however_many_cuts_name_it() {
    let copy = Copy::new().await;
    let layout = copy.cuts[0].layout.unwrap();
    copy.write(&format!("layouts/{layout}.json"), "{}");
    for depth in DEPTHS {
        assert_eq!(copy.one(depth).await.kind, FindingKind::UnreadableLayout);
    }
}

#[tokio::test]
async fn the_namesake_of_another_cluster_is_told_once() {
    let mut copy = Copy::new().await;
    // Another chain of the same topic, under another id, from another cluster.
    let mut other = Cut {
        topic_id: alluvium::domain::TopicId([9; 16]),
        cluster: "elsewhere".into(),
        next: Offset(3),
        kind: CutKind::Gap,
        reason: Some(GapReason::Skipped),
        layout: None,
        objects: Vec::new(),
        ..copy.cuts[0].clone()
    };
    copy.write(&cut_key(&other.chain(), Offset(0)), other.to_bytes());
    let finding = copy.one(Depth::Footers).await;
    assert_eq!(finding.kind, FindingKind::ForeignCluster);
    assert!(finding.what.contains("elsewhere") && finding.what.contains("scripted"), "{finding}");
    // And in the middle of a chain.
    copy.remove(&cut_key(&other.chain(), Offset(0)));
    other.cluster.clear();
    copy.forge_from(1, |cut| cut.cluster = "elsewhere".into());
    let finding = copy.one(Depth::Footers).await;
    assert_eq!((finding.kind, finding.key), (FindingKind::ForeignCluster, copy.cut_key(1)));
}

#[tokio::test]
async fn the_newest_cut_may_be_unfinished_and_clocks_may_be_off() {
    let mut copy = Copy::new().await;
    let newest = copy.cuts.len() - 1;
    copy.remove(&copy.cuts[newest].objects[0].key);
    copy.forge_from(1, |cut| cut.max_timestamp = Some(BASE + 24 * 365 * 3 * HOUR));
    let report = copy.report(Depth::Footers).await;
    assert!(report.is_clean(), "{:#?}", report.findings);
    let facts = &report.chains[0];
    assert_eq!(facts.in_progress.unwrap().missing_objects, 1);
    let odd = facts.odd_times.as_ref().unwrap();
    assert_eq!((odd.cuts, &odd.key), (1, &copy.cut_key(1)));
}

#[tokio::test]
async fn a_scope_looks_at_its_own_chains_only() {
    let copy = Copy::new().await;
    let table = copy.cuts[0].objects[0].key.split('/').nth(1).unwrap().to_owned();
    copy.write("tables/other/x.parquet", "");
    copy.write("chain/other/x/00000/1.json", "");
    let topic = copy.chain.topic().clone();
    for scope in [Scope::Topic(topic), Scope::Table(table)] {
        let sound = Verify { scope: scope.clone(), ..copy.verify(Depth::Footers) };
        let report = run(&sound).await;
        assert!(report.is_clean(), "{scope:?}: {:#?}", report.findings);
        assert_eq!(report.rows, 40);
        // Its own are told.
        let key = format!("{}.bak", copy.cuts[0].objects[0].key);
        copy.write(&key, "");
        assert_eq!(only(run(&sound).await).kind, FindingKind::StrangeObject);
        copy.remove(&key);
    }
    let none = Verify { scope: Scope::Topic(Topic::new("none")), ..copy.verify(Depth::Footers) };
    assert!(matches!(none.run(&|_| {}).await, Err(VerifyError::NoTopic { .. })));
    let none = Verify { scope: Scope::Table("none".into()), ..copy.verify(Depth::Footers) };
    assert!(matches!(none.run(&|_| {}).await, Err(VerifyError::NoTable { .. })));
}

#[tokio::test]
async fn a_window_of_time_looks_at_the_objects_of_its_cuts_and_at_every_link() {
    let copy = Copy::new().await;
    copy.remove(&copy.cuts[1].objects[0].key);
    let within = |from: i64, until: i64| Window { from: Some(from), until: Some(until), ..Window::default() };
    let beside = Verify { window: within(0, BASE), ..copy.verify(Depth::Footers) };
    let report = run(&beside).await;
    assert!(report.is_clean() && report.objects == 0 && !report.strangers_sought);
    let here = Verify { window: within(BASE, BASE + HOUR), ..copy.verify(Depth::Footers) };
    assert_eq!(only(run(&here).await).kind, FindingKind::MissingObject);
    copy.remove(&copy.cut_key(2));
    assert_eq!(only(run(&beside).await).kind, FindingKind::MissingCut);
}

#[tokio::test]
async fn the_log_is_compared_with_the_chain_that_has_its_topic_s_id() {
    let copy = Copy::new().await;
    let asked = || Verify { log: Some(Arc::new(copy.rig.log.clone())), ..copy.verify(Depth::Listing) };
    let report = run(&asked()).await;
    assert!(report.is_clean() && report.unanswered.is_empty(), "{report:#?}");
    let log = report.chains[0].log.unwrap();
    assert_eq!((log.first, log.stable_end, log.behind), (Offset(0), Offset(40), 0));
    copy.rig.append(40..43);
    assert_eq!(run(&asked()).await.chains[0].log.unwrap().behind, 3);
    copy.rig.log.set_away(true);
    let report = run(&asked()).await;
    assert!(report.is_clean() && report.unanswered.len() == 1, "{report:#?}");
    copy.rig.log.set_away(false);
    copy.rig.log.expire_before(&copy.rig.topic, Offset(42));
    let finding = only(run(&asked()).await);
    assert_eq!((finding.kind, finding.range()), (FindingKind::NotArchived, OffsetRange::new(Offset(40), Offset(42))));
}

#[tokio::test]
async fn a_chain_beyond_the_log_is_told() {
    let mut copy = Copy::new().await;
    copy.append_gap(5);
    let asked = Verify { log: Some(Arc::new(copy.rig.log.clone())), ..copy.verify(Depth::Listing) };
    let finding = only(run(&asked).await);
    assert_eq!((finding.kind, finding.range()), (FindingKind::AheadOfLog, OffsetRange::new(Offset(40), Offset(45))));
}

/// What a bucket's policy for a reader allows.
#[tokio::test]
async fn a_reader_s_rights_are_enough() {
    let copy = Copy::new().await;
    let refuse = |store: FaultStore, operation| store.on(operation, "", Fault::Forbidden, always());
    let inner = LocalStore::in_existing_folder(copy.folder.path()).unwrap();
    let store = refuse(refuse(FaultStore::new(inner), Operation::PutNew), Operation::Put);
    let report = run(&Verify { store: Arc::new(store.clone()), ..copy.verify(Depth::Rows) }).await;
    assert!(report.is_clean());
    assert_eq!(store.count(Operation::PutNew, "") + store.count(Operation::Put, ""), 0);
}
