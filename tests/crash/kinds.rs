//! The kinds of faults, as a table: what is waited for, and what is done then.

use std::time::Duration;

use crate::gateway::{Point, Side};

/// One kind: a run of its own topic and bucket, in which its fault comes `rounds` times.
pub struct Kind {
    pub name: &'static str,
    pub deed: Deed,
    pub rounds: usize,
    /// Whether it is among the few of `make test`.
    pub few: bool,
}

/// How a kind is run this time.
pub struct How {
    /// Of the run's topic and bucket, which no other run has.
    pub name: String,
    pub rounds: usize,
    /// How long a line is cut.
    pub cut_off: Duration,
}

/// What is done to the first of two daemons, unless it says otherwise. Requests are met at its own gateway.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// SIGKILL while a request waits, which is then forgotten (before its effect) or unanswered (after it).
    KillAt(Point),
    /// The same for requests that only a start or a new assignment brings.
    KillStartingAt(Point),
    /// SIGKILL at the look that follows an object's lost answer.
    KillLooking,
    /// SIGKILL before or after a loss record, of rows that retention took between cut and upload.
    KillAtLoss(Side),
    /// SIGKILL with records in hand.
    KillReading,
    /// SIGKILL of both daemons at once.
    KillBoth,
    /// SIGKILL of one and the other in turns.
    KillInTurns,
    /// SIGKILL; the request arrives when the other daemon has gone on.
    ArriveLate(Point),
    /// SIGSTOP until the session is over and the other daemon has all, then SIGCONT.
    Pause,
    /// The same, with a request under way that arrives before it wakes.
    PauseHolding(Point),
    /// SIGTERM while a request waits.
    StopAt(Point),
    /// The connections of requests at a point are torn.
    Tear(Point),
    /// Requests at a point are answered so.
    Answer(Point, u16, &'static str),
    /// Everything is answered so for a while.
    Storm(u16, &'static str),
    /// No line to S3 for a while, for both.
    CutOff,
    /// SIGKILL of the broker, and a start.
    KillBroker,
    /// SIGKILL of broker and daemon.
    KillBrokerAndDaemon,
    /// The topic is deleted and created.
    Recreate,
    AddPartitions,
    /// A member that is no archive joins the group, takes partitions, and commits offsets far ahead.
    Hijack,
    /// A daemon with an older descriptor set takes part, and is killed.
    OlderBuild,
    /// No room in the folder that is the archive, and SIGKILL meanwhile.
    DiskFull,
    /// SIGKILL, and how soon the other daemon archives its partitions.
    Recovery,
}

const fn put(part: &'static str, side: Side) -> Point {
    Point { method: "PUT", part, side }
}

const fn asked(method: &'static str, part: &'static str) -> Point {
    Point { method, part, side: Side::After }
}

const fn kind(name: &'static str, rounds: usize, deed: Deed) -> Kind {
    Kind { name, deed, rounds, few: false }
}

const fn few(name: &'static str, rounds: usize, deed: Deed) -> Kind {
    Kind { name, deed, rounds, few: true }
}

use Deed::*;
use Side::{After, Before};

pub const KINDS: [Kind; 44] = [
    few("kill-before-cut", 6, KillAt(put("/chain/", Before))),
    few("kill-after-cut", 6, KillAt(put("/chain/", After))),
    kind("kill-before-object", 6, KillAt(put("/tables/", Before))),
    few("kill-after-object", 6, KillAt(put("/tables/", After))),
    kind("kill-before-quarantine", 4, KillAt(put("/quarantine/", Before))),
    kind("kill-after-quarantine", 4, KillAt(put("/quarantine/", After))),
    kind("kill-before-layout", 3, KillStartingAt(put("/layouts/", Before))),
    kind("kill-after-layout", 3, KillStartingAt(put("/layouts/", After))),
    kind("kill-in-self-test", 3, KillStartingAt(put("/probe/", After))),
    kind("kill-finding-tip", 3, KillStartingAt(asked("LIST", "/chain/"))),
    kind("kill-reading-tip", 3, KillStartingAt(asked("GET", "/chain/"))),
    kind("kill-checking-objects", 3, KillLooking),
    kind("kill-before-progress", 1, KillAt(put("/progress/", Before))),
    kind("kill-after-progress", 1, KillAt(put("/progress/", After))),
    kind("kill-before-loss", 2, KillAtLoss(Before)),
    kind("kill-after-loss", 2, KillAtLoss(After)),
    kind("kill-reading", 6, KillReading),
    kind("kill-both", 6, KillBoth),
    few("kill-in-turns", 10, KillInTurns),
    few("late-cut", 4, ArriveLate(put("/chain/", Before))),
    kind("late-object", 4, ArriveLate(put("/tables/", Before))),
    kind("zombie", 4, Pause),
    few("zombie-holding-cut", 3, PauseHolding(put("/chain/", Before))),
    few("zombie-holding-object", 3, PauseHolding(put("/tables/", Before))),
    kind("zombie-unanswered", 3, PauseHolding(put("/chain/", After))),
    kind("stop-amid-cut", 3, StopAt(put("/chain/", Before))),
    kind("stop-amid-upload", 3, StopAt(put("/tables/", Before))),
    kind("cut-torn", 6, Tear(put("/chain/", Before))),
    few("cut-answer-lost", 6, Tear(put("/chain/", After))),
    kind("object-torn", 6, Tear(put("/tables/", Before))),
    kind("object-answer-lost", 6, Tear(put("/tables/", After))),
    few("cut-conflict", 6, Answer(put("/chain/", Before), 409, "ConditionalRequestConflict")),
    kind("object-conflict", 6, Answer(put("/tables/", Before), 409, "ConditionalRequestConflict")),
    kind("cut-written-then-500", 6, Answer(put("/chain/", After), 500, "InternalError")),
    kind("object-written-then-412", 6, Answer(put("/tables/", After), 412, "PreconditionFailed")),
    kind("slow-down-storm", 3, Storm(503, "SlowDown")),
    kind("cut-off", 1, CutOff),
    kind("partitions-added", 3, AddPartitions),
    kind("topic-recreated", 3, Recreate),
    kind("group-hijacked", 3, Hijack),
    kind("older-build", 3, OlderBuild),
    kind("disk-full", 3, DiskFull),
    kind("broker-killed", 4, KillBroker),
    kind("broker-and-daemon-killed", 3, KillBrokerAndDaemon),
];

pub const RECOVERY: Kind = few("recovery", 2, Recovery);

impl Deed {
    /// Whether only the store misbehaves: its answers are lost, late or bad.
    pub fn is_of_the_store(self) -> bool {
        matches!(self, Deed::Tear(_) | Deed::Answer(..) | Deed::Storm(..))
    }

    /// Whether the broker is down in it, so that no other run may go on.
    pub fn takes_the_broker(self) -> bool {
        matches!(self, KillBroker | KillBrokerAndDaemon)
    }
}
