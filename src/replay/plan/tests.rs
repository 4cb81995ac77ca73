use super::super::tests::{cut_of, gap_of};
use super::*;
use crate::chain::GapReason::Retention;
use crate::walk::needed;

fn listed(firsts: &[i64]) -> Vec<Listed> {
    firsts.iter().map(|first| Listed { first: Offset(*first), has_loss: false }).collect()
}

fn offsets(first: i64, next: i64) -> Window {
    Window { first: Some(Offset(first)), next: Some(Offset(next)), ..Window::default() }
}

/// Hash-links the cuts and plans them.
fn plan(mut cuts: Vec<Cut>, window: Window) -> PartitionPlan {
    let mut previous = None;
    let mut chain = Vec::new();
    for cut in &mut cuts {
        cut.previous = previous;
        let digest = Digest::of(&cut.to_bytes());
        previous = Some(digest);
        chain.push((cut.clone(), digest));
    }
    plan_found(chain, window)
}

fn plan_found(chain: Vec<(Cut, Digest)>, window: Window) -> PartitionPlan {
    let mut planner = Planner::new(chain[0].0.chain(), &window, None);
    for (cut, digest) in chain.into_iter().rev() {
        let listed = Listed { first: cut.first, has_loss: false };
        planner.add(Found { listed, cut: Ok((cut, digest)), loss: None, missing: Vec::new() });
    }
    planner.finish()
}

fn ranges(plan: &PartitionPlan) -> Vec<String> {
    plan.ranges.iter().map(|planned| planned.range.to_string()).collect()
}

#[test]
fn only_cuts_that_can_meet_the_window_and_their_neighbours_are_read() {
    let cuts = listed(&[40, 30, 20, 10, 0]);
    assert_eq!(needed(&cuts, &offsets(20, 30)), 1..4, "20 and its two neighbours");
    assert_eq!(needed(&cuts, &offsets(25, 26)), 1..4);
    assert_eq!(needed(&cuts, &offsets(19, 21)), 1..5);
    assert_eq!(needed(&cuts, &offsets(0, 5)), 3..5);
    assert_eq!(needed(&cuts, &offsets(90, 99)), 0..2, "the newest may reach that far");
    assert_eq!(needed(&cuts, &Window::default()), 0..5);
    assert_eq!(needed(&cuts, &Window { from: Some(1), ..offsets(20, 30) }), 0..5, "only records know their times");
}

#[test]
fn a_whole_chain_is_planned_in_offset_order() {
    let plan = plan(vec![gap_of(0, 4), cut_of(4, 9, 100), cut_of(9, 12, 200)], Window::default());
    assert_eq!(ranges(&plan), ["4..9", "9..12"]);
    assert_eq!(plan.gaps, [Gap { first: Offset(0), next: Offset(4), reason: Retention }]);
    assert_eq!((plan.tip, plan.damage), (Some(Offset(12)), vec![]));
}

#[test]
fn a_window_of_time_selects_by_the_cuts_times_and_reports_the_gaps_beside() {
    let chain =
        vec![gap_of(0, 4), cut_of(4, 9, 100), gap_of(9, 12), cut_of(12, 15, 200), cut_of(15, 16, 300), gap_of(16, 20)];
    let gaps = |from, until| {
        let plan = plan(chain.clone(), Window { from: Some(from), until: Some(until), ..Window::default() });
        (ranges(&plan), plan.gaps.iter().map(|gap| gap.first.0).collect::<Vec<_>>())
    };
    assert_eq!(gaps(100, 101), (vec!["4..9".into()], vec![0, 9]));
    assert_eq!(gaps(200, 201), (vec!["12..15".into()], vec![9]));
    assert_eq!(gaps(300, 999), (vec!["15..16".into()], vec![16]));
    assert_eq!(gaps(900, 999), (vec![], vec![]));
}

#[test]
fn a_hole_an_overlap_and_a_late_beginning_are_damage_with_their_offsets() {
    let found = |cuts| {
        let damage = plan(cuts, Window::default()).damage;
        damage.iter().map(|d| (d.kind, d.first.unwrap().0, d.next.unwrap().0)).collect::<Vec<_>>()
    };
    assert_eq!(found(vec![cut_of(0, 5, 1), cut_of(7, 9, 1)]), [(DamageKind::Hole, 5, 7)]);
    assert_eq!(found(vec![cut_of(0, 5, 1), cut_of(4, 9, 1)]), [(DamageKind::Overlap, 4, 5)]);
    assert_eq!(found(vec![cut_of(3, 5, 1), cut_of(5, 9, 1)]), [(DamageKind::Hole, 0, 3)]);
}

#[test]
fn a_record_that_its_successor_does_not_name_is_damage() {
    let first = cut_of(0, 5, 1);
    let mut second = cut_of(5, 9, 1);
    second.previous = Some(Digest::of(b"what stood there once"));
    let chain = [first, second].map(|cut| (cut.clone(), Digest::of(&cut.to_bytes())));
    let damage = plan_found(chain.to_vec(), Window::default()).damage;
    assert_eq!(damage.len(), 1);
    assert_eq!(
        (damage[0].kind, damage[0].first, damage[0].next),
        (DamageKind::BrokenLink, Some(Offset(0)), Some(Offset(5)))
    );
    assert!(damage[0].to_string().contains("0..5") && damage[0].to_string().contains("hash chain"), "{}", damage[0]);
}

#[test]
fn partitions_take_turns_by_time_and_keep_their_own_order() {
    let two = [
        plan(vec![cut_of(0, 5, 100), cut_of(5, 9, 300)], Window::default()),
        plan(vec![cut_of(0, 5, 400), cut_of(5, 9, 200)], Window::default()),
    ];
    assert_eq!(interleaved(&two).collect::<Vec<_>>(), [(0, 0), (0, 1), (1, 0), (1, 1)]);
}
