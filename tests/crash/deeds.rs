//! What each deed does, round by round; every one leaves the daemons to recover by themselves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::events::write_older_descriptors;
use crate::full::Room;
use crate::gateway::{Fault, Point, Side};
use crate::impostor::Impostor;
use crate::kafka::{add_partitions, broker, create_topic, delete_before, delete_topic, eventually};
use crate::kinds::{Deed, How, Kind};
use crate::manifest::{Manifest, Sending};
use crate::run::{Earlier, PARTITIONS, Run, id_of};
use alluvium::source::Protocol;

/// A killed member's partitions are archived again so soon after the group re-assigned them.
const RECOVERED_WITHIN: Duration = Duration::from_secs(15);

/// Runs a kind to its verdict: how many faults there were, and what the judges say.
pub async fn run(kind: &Kind, how: &How) -> (usize, String) {
    let room = match kind.deed {
        Deed::DiskFull => Some(Room::new()),
        _ => None,
    };
    let mut run = Run::new(&how.name, |setup| {
        if let Some(room) = &room {
            (setup.url, setup.within) = (room.url(), room.within());
        }
    })
    .await;
    run.start(0);
    let alone = matches!(kind.deed, Deed::KillAtLoss(_));
    if !alone {
        run.start(1);
        run.send();
        run.shared().await;
    }
    for round in 0..how.rounds {
        match kind.deed {
            Deed::KillAt(point) => kill_at(&mut run, point).await,
            Deed::KillStartingAt(point) => kill_starting_at(&mut run, point).await,
            Deed::KillLooking => kill_looking(&mut run).await,
            Deed::KillAtLoss(side) => kill_at_loss(&mut run, side).await,
            Deed::KillReading => kill_reading(&mut run).await,
            Deed::KillBoth => kill_both(&mut run).await,
            Deed::KillInTurns => kill_in_turns(&mut run, round % 2).await,
            Deed::ArriveLate(point) => arrive_late(&mut run, point).await,
            Deed::Pause => pause(&mut run).await,
            Deed::PauseHolding(point) => pause_holding(&mut run, point).await,
            Deed::StopAt(point) => stop_at(&mut run, point).await,
            Deed::Tear(point) => fail(&mut run, point, Fault::Tear).await,
            Deed::Answer(point, status, code) => fail(&mut run, point, Fault::Answer(status, code)).await,
            Deed::Storm(status, code) => storm(&mut run, status, code).await,
            Deed::CutOff => cut_off_for(&mut run, how.cut_off).await,
            Deed::KillBroker => kill_broker(&mut run, false).await,
            Deed::KillBrokerAndDaemon => kill_broker(&mut run, true).await,
            Deed::Recreate => recreate(&mut run).await,
            Deed::AddPartitions => add(&mut run).await,
            Deed::Hijack => hijack(&mut run).await,
            Deed::OlderBuild => older_build(&mut run).await,
            Deed::DiskFull => fill(&mut run, room.as_ref().expect("made above")).await,
            Deed::Recovery => recovery(&mut run).await,
        }
    }
    run.judge().await
}

async fn kill_at(run: &mut Run, point: Point) {
    let held = run.held(0, point).await;
    run.kill(0).await;
    drop(held);
    run.send();
    run.start(0);
}

async fn kill_starting_at(run: &mut Run, point: Point) {
    // So that there are chains to be found.
    run.settled().await;
    run.stop(0).await;
    let mut held = run.gateways[0].hold(point, 0);
    run.start(0);
    let held = run.send_until(&format!("a start is at {point:?}"), async |_| held.try_recv().ok()).await;
    run.kill(0).await;
    drop(held);
    run.send();
    run.start(0);
    run.shared().await;
}

async fn kill_looking(run: &mut Run) {
    let object = Point { method: "PUT", part: "/tables/", side: Side::After };
    run.gateways[0].on(object, 0, 1, Fault::Tear);
    let look = Point { method: "HEAD", part: "/tables/", side: Side::Before };
    let mut held = run.gateways[0].hold(look, 0);
    let held = run.send_until("it looks", async |_| held.try_recv().ok()).await;
    run.kill(0).await;
    drop(held);
    run.send();
    run.start(0);
}

async fn kill_reading(run: &mut Run) {
    run.send_until("there are records in hand", async |run| {
        let daemon = run.daemons[0].as_ref().expect("it runs");
        daemon.partitions("buffered_records").iter().any(|(_, records)| *records > Some(0)).then_some(())
    })
    .await;
    run.kill(0).await;
    run.send();
    run.start(0);
}

async fn kill_both(run: &mut Run) {
    run.send();
    // At another moment of what they do each time.
    tokio::time::sleep(Duration::from_millis(150 * run.faults as u64 % 1000)).await;
    run.kill(0).await;
    run.kill(1).await;
    run.send();
    run.start(0);
    run.start(1);
    run.settled().await;
}

async fn kill_in_turns(run: &mut Run, which: usize) {
    run.send_until("it has partitions", async |run| (!run.has(which).is_empty()).then_some(())).await;
    run.send();
    run.kill(which).await;
    run.start(which);
}

async fn arrive_late(run: &mut Run, point: Point) {
    let held = run.held(0, point).await;
    run.kill(0).await;
    run.send();
    run.settled().await;
    held.go_on();
    run.send();
    run.settled().await;
    run.start(0);
}

async fn pause(run: &mut Run) {
    run.send_until("it has partitions", async |run| (!run.has(0).is_empty()).then_some(())).await;
    run.pause(0);
    run.send_until("the other has all", async |run| run.has_all(1).then_some(())).await;
    run.settled().await;
    run.wake(0);
    run.send();
    run.shared().await;
}

async fn pause_holding(run: &mut Run, point: Point) {
    let held = run.held(0, point).await;
    run.pause(0);
    run.send_until("the other has all", async |run| run.has_all(1).then_some(())).await;
    run.settled().await;
    held.go_on();
    run.send();
    run.wake(0);
    run.shared().await;
}

async fn stop_at(run: &mut Run, point: Point) {
    let held = run.held(0, point).await;
    run.daemons[0].as_ref().expect("it runs").signal("TERM");
    run.send();
    // So that the signal has come. Nothing tells when; coming later it finds the request done, which is a stop as well.
    tokio::time::sleep(Duration::from_millis(300)).await;
    held.go_on();
    let mut daemon = run.daemons[0].take().expect("it runs");
    assert!(daemon.ended().await.success(), "a stop is no failure");
    run.faults += 1;
    run.start(0);
}

/// Two requests of both daemons in a row meet the fault.
async fn fail(run: &mut Run, point: Point, fault: Fault) {
    run.gateways.iter().for_each(|gateway| gateway.on(point, run.faults % 2, 2, fault.clone()));
    run.send_until("the fault has come", async |run| {
        run.gateways.iter().all(|gateway| gateway.left() == 0).then_some(())
    })
    .await;
    run.faults += 1;
    run.settled().await;
}

async fn storm(run: &mut Run, status: u16, code: &'static str) {
    for method in ["PUT", "GET", "HEAD", "LIST"] {
        let any = Point { method, part: "/", side: Side::Before };
        run.gateways.iter().for_each(|gateway| gateway.on(any, 0, usize::MAX, Fault::Answer(status, code)));
    }
    // It lasts for five seconds.
    for _ in 0..10 {
        run.send();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    run.gateways.iter().for_each(|gateway| gateway.heal());
    run.faults += 1;
    run.settled().await;
}

async fn cut_off_for(run: &mut Run, how_long: Duration) {
    run.gateways.iter().for_each(|gateway| gateway.cut());
    let until = Instant::now() + how_long;
    while Instant::now() < until {
        run.send();
        // Records go on coming while there is no line.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    run.gateways.iter().for_each(|gateway| gateway.mend());
    run.faults += 1;
    run.settled().await;
}

async fn kill_broker(run: &mut Run, and_daemon: bool) {
    run.send();
    // At another moment each time.
    tokio::time::sleep(Duration::from_millis(250 * run.faults as u64 % 1000)).await;
    broker("kill").await;
    run.faults += 1;
    if and_daemon {
        run.kill(0).await;
    }
    broker("start").await;
    if and_daemon {
        run.start(0);
    }
    run.send();
    run.settled().await;
}

async fn recreate(run: &mut Run) {
    run.settled().await;
    let (_, archived) = run.manifest.ends();
    // These are under way when the topic goes, at another moment each time; whether they are archived is chance.
    run.send();
    tokio::time::sleep(Duration::from_millis(400 * run.faults as u64 % 1000)).await;
    let topic = run.setup.topic.clone();
    delete_topic(&topic).await;
    create_topic(&topic, PARTITIONS).await;
    let old = run.id;
    run.id = eventually("there is a new id", async || Some(id_of(&topic).await).filter(|id| *id != old)).await;
    let manifest = Manifest::new(&topic, PARTITIONS);
    run.earlier.push(Earlier { manifest: std::mem::replace(&mut run.manifest, manifest), id: old, archived });
    run.faults += 1;
    run.send();
    run.settled().await;
}

async fn add(run: &mut Run) {
    run.send();
    let more = run.manifest.partitions + 1;
    add_partitions(&run.setup.topic, more as usize).await;
    run.manifest.partitions = more;
    run.faults += 1;
    run.send();
    run.kill(0).await;
    run.send();
    run.start(0);
    run.settled().await;
}

async fn hijack(run: &mut Run) {
    run.shared().await;
    let mut impostor = Impostor::join(&run.setup.topic);
    impostor.has_taken();
    run.send();
    // It holds them for a while.
    tokio::time::sleep(Duration::from_secs(1)).await;
    run.faults += 1;
    drop(impostor);
    run.send();
    run.settled().await;
}

/// The layout is another, the columns are the same; what either leaves unfinished the other finishes by the cut's layout.
async fn older_build(run: &mut Run) {
    write_older_descriptors(&run.setup.folder.path().join("older.binpb"));
    run.stop(0).await;
    let newer = std::mem::replace(&mut run.setup.descriptors, "older.binpb");
    run.start(0);
    run.setup.descriptors = newer;
    let object = Point { method: "PUT", part: "/tables/", side: Side::Before };
    let held = run.held(0, object).await;
    run.kill(0).await;
    drop(held);
    run.send();
    run.start(0);
    run.settled().await;
}

async fn kill_at_loss(run: &mut Run, side: Side) {
    // None of these goes to quarantine and all are of one hour, so that a cut has one object.
    run.settled().await;
    let object = Point { method: "PUT", part: "/tables/", side: Side::Before };
    let mut held = run.gateways[0].hold(object, 0);
    run.manifest.send(100..100 + 3 * 30, Sending::Plain);
    let held = eventually("an object is on its way", async || held.try_recv().ok()).await;
    run.kill(0).await;
    drop(held);
    let (_, ends) = run.manifest.ends();
    for (&partition, &end) in &ends {
        delete_before(&run.setup.topic, partition, end).await;
        // All that no object holds yet.
        run.dropped.push((partition, end - 30, end));
    }
    let loss = Point { method: "PUT", part: ".loss.json", side };
    let mut held = run.gateways[0].hold(loss, 0);
    run.start(0);
    let held = eventually("a loss is written down", async || held.try_recv().ok()).await;
    run.kill(0).await;
    drop(held);
    run.start(0);
    run.send();
    run.settled().await;
}

async fn fill(run: &mut Run, room: &Room) {
    run.send();
    room.fill();
    run.faults += 1;
    run.send_until("it says that there is no room", async |run| {
        let why = run.daemons[0].as_ref().expect("it runs").not_ready()?;
        (why.starts_with("store has not taken a write since") && why.contains("No space left")).then_some(())
    })
    .await;
    run.kill(0).await;
    room.clear();
    run.start(0);
    run.send();
    run.settled().await;
}

async fn recovery(run: &mut Run) {
    assert_eq!(run.setup.protocol, Protocol::Classic);
    run.send_until("it has partitions", async |run| (!run.has(0).is_empty()).then_some(())).await;
    let theirs = run.has(0);
    let before = run.has(1);
    run.kill(0).await;
    run.send();
    let killed = Instant::now();
    let (_, ends) = run.manifest.ends();
    let (mut assigned, mut archived) = (BTreeMap::new(), BTreeMap::new());
    eventually("its partitions are archived again", async || {
        for (partition, tip) in run.has(1) {
            if before.contains_key(&partition) {
                continue;
            }
            assigned.entry(partition).or_insert_with(Instant::now);
            if tip >= ends[&partition] {
                archived.entry(partition).or_insert_with(Instant::now);
            }
        }
        theirs.keys().all(|partition| archived.contains_key(partition)).then_some(())
    })
    .await;
    let took = archived.iter().map(|(partition, at)| *at - assigned[partition]).max().unwrap_or_default();
    let since = *archived.values().max().unwrap_or(&killed) - killed;
    run.notes.push(format!("archived again {took:.1?} after the group gave them away, {since:.1?} after the kill"));
    assert!(took <= RECOVERED_WITHIN, "{took:?}");
    run.start(0);
    run.shared().await;
}
