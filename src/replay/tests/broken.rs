//! Archives in which something is missing or altered.

use super::*;

#[tokio::test]
async fn a_missing_object_stops_a_replay_before_its_first_record() {
    let mut archive = Archive::default();
    let cut = archive.archive(0, 5, &[(1, Some(5))]);
    archive.archive(0, 9, &[(6, Some(5))]);
    archive.take(&cut.objects[0].key);
    let (summary, seen) = archive.run(Window::default()).await;
    assert!(seen.is_empty());
    assert_eq!((summary.damage[0].kind, &summary.damage[0].key), (DamageKind::MissingObject, &cut.objects[0].key));
    let beside = Window { first: Some(Offset(5)), ..Window::default() };
    assert_eq!(archive.run(beside).await.1, of(0, &[6]), "damage outside the window does not count");
}

#[tokio::test]
async fn a_changed_object_emits_nothing_of_its_range_and_nothing_after() {
    let mut archive = Archive::default();
    archive.archive(0, 5, &[(1, Some(5))]);
    let cut = archive.archive(0, 9, &[(6, Some(5)), (7, Some(HOUR))]);
    archive.archive(0, 12, &[(9, Some(5))]);
    let key = &cut.objects[1].key;
    let mut forged = Records::default();
    forged.push(Offset(7), Timestamp::Create(HOUR), Some(b"key"), Some(b"\x0a\x07value 8"), []);
    archive.put(key, objects(&chain(0), cut.range(), &forged).remove(0).1);
    let (summary, seen) = archive.run(Window::default()).await;
    assert_eq!(seen, of(0, &[1]));
    let damage = &summary.damage[0];
    assert_eq!((damage.kind, &damage.key, damage.first), (DamageKind::WrongRecords, key, Some(Offset(5))));
    archive.put(key, "no object");
    assert_eq!(archive.run(Window::default()).await.0.damage[0].kind, DamageKind::UnreadableObject);
}

#[tokio::test]
async fn a_missing_or_damaged_layout_is_told_with_its_key_and_stops_a_replay_before_the_rows_that_need_it() {
    let mut archive = Archive::default();
    archive.archive(0, 5, &[(BAD, Some(5))]);
    let cut = archive.archive(0, 9, &[(7, Some(5))]);
    let [(rule, _), (descriptors, _)] = layout_parts();
    let text = String::from_utf8(archive.take(&rule).to_vec()).unwrap();
    let (summary, seen) = archive.run(Window::default()).await;
    assert_eq!(seen, of(0, &[BAD]), "quarantine needs no layout");
    let damage = &summary.damage[0];
    assert_eq!((damage.kind, &damage.key), (DamageKind::UnreadableLayout, &cut.objects[0].key));
    assert!(damage.detail.starts_with(&format!("{rule} is missing: ")), "{damage}");
    archive.put(&rule, text.replace("\"table\"", "\"Table\""));
    let damage = archive.run(Window::default()).await.0.damage.remove(0);
    assert!(damage.kind == DamageKind::UnreadableLayout && damage.detail.contains("is damaged"), "{damage}");
    archive.put(&rule, text);
    archive.take(&descriptors);
    let damage = archive.run(Window::default()).await.0.damage.remove(0);
    assert!(damage.detail.starts_with(&descriptors), "{damage}");
}

#[tokio::test]
async fn an_altered_cut_record_is_found_by_its_successor_even_beside_the_window() {
    let mut archive = archive();
    let chain = archive.archive(0, 14, &[(12, Some(4 * HOUR))]).chain();
    let key = cut_key(&chain, Offset(10));
    let text = String::from_utf8(archive.take(&key).to_vec()).unwrap();
    archive.put(&key, text.replace("\"writer\":\"w\"", "\"writer\":\"x\""));
    let window = Window { first: Some(Offset(10)), next: Some(Offset(11)), ..Window::default() };
    let (summary, seen) = archive.run(window).await;
    assert_eq!((summary.damage[0].kind, seen.len()), (DamageKind::BrokenLink, 0));
    archive.put(&key, "{}");
    assert_eq!(archive.run(window).await.0.damage[0].kind, DamageKind::UnreadableRecord);
    archive.take(&key);
    let damage = &archive.run(window).await.0.damage;
    assert_eq!(
        (damage[0].kind, damage[0].first, damage[0].next),
        (DamageKind::Hole, Some(Offset(10)), Some(Offset(12)))
    );
}
