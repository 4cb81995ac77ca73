//! The thread that polls: it alone touches the consumer, and obeys, rebalances, reads and reports in turn.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr::{
    RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
};
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::watch;

use super::health::Health;
use super::native::{ClientError, Consumer, Notice};
use super::pressure::Flow;
use super::reads::{Closed, Judgement, Reads};
use super::revocation::Revoking;
use super::round::Round;
use super::statistics::Statistics;
use super::{Options, Scan, SourceCommand, SourceEvent};
use crate::domain::{MemoryBudget, Offset, Topic, TopicPartition};

/// How long to sleep where all there was is taken, and so how long a record may wait and how late a command may be heard. Slept
/// and not waited for: a thread that waits is woken for every answer of a broker, by the thread that should be reading the next.
const PAUSE: Duration = Duration::from_millis(10);
/// How often a held reader looks whether there is room.
const HELD: Duration = Duration::from_millis(5);
/// How long leaving the group may take.
const CLOSE: Duration = Duration::from_secs(5);

pub(super) struct Poller {
    consumer: Consumer,
    events: mpsc::Sender<SourceEvent>,
    options: Options,
    reads: Reads,
    flow: Flow,
    health: Health,
    /// The revocation that waits for its reply.
    revoking: Option<Revoking>,
    /// Commands that wait for that reply: taking a partition from librdkafka would count as acknowledging the revocation.
    waiting: VecDeque<SourceCommand>,
    commands: mpsc::UnboundedReceiver<SourceCommand>,
    subscription: watch::Receiver<Vec<Topic>>,
    budget: MemoryBudget,
    statistics: Option<Vec<u8>>,
    /// Whether the last round took all there was.
    caught_up: bool,
}

/// Why the thread ends.
enum End {
    Shutdown,
    Fatal(String),
}

impl From<Closed> for End {
    /// Who no longer listens cannot be told, and needs nothing more.
    fn from(_: Closed) -> End {
        End::Shutdown
    }
}

impl Poller {
    pub fn new(
        consumer: Consumer,
        (commands, events): (mpsc::UnboundedReceiver<SourceCommand>, mpsc::Sender<SourceEvent>),
        subscription: watch::Receiver<Vec<Topic>>,
        budget: MemoryBudget,
        options: Options,
    ) -> Poller {
        Poller {
            consumer,
            events,
            options,
            reads: Reads::default(),
            flow: Flow::Reading,
            health: Health::default(),
            revoking: None,
            waiting: VecDeque::new(),
            commands,
            subscription,
            budget,
            statistics: None,
            caught_up: false,
        }
    }

    /// Runs until told to shut down, nobody listens, or the client is dead; the event channel closes when the group is left.
    pub fn run(mut self) {
        let end = loop {
            if let Err(end) = self.turn() {
                break end;
            }
        };
        if let End::Fatal(why) = end {
            // Nobody listening is no reason not to leave the group.
            let _ = self.events.blocking_send(SourceEvent::Fatal(why));
        }
        if let Err(error) = self.consumer.close(Instant::now() + CLOSE) {
            tracing::warn!(error, "the group was not left in good order; it waits for the session to run out");
        }
    }

    fn turn(&mut self) -> Result<(), End> {
        if self.events.is_closed() {
            return Err(End::Shutdown);
        }
        self.obey()?;
        self.finish_revocation()?;
        self.follow_subscription()?;
        self.send_batches()?;
        if !self.reads.is_stuck() {
            // After the records, since it speaks of what comes after them.
            self.report_statistics()?;
        }
        self.change_flow()?;
        match self.flow {
            Flow::Holding { .. } => std::thread::sleep(HELD),
            Flow::Reading | Flow::Suspended => {
                if self.caught_up {
                    std::thread::sleep(PAUSE);
                }
                self.round()?;
            }
        }
        Ok(())
    }

    fn obey(&mut self) -> Result<(), End> {
        if self.revoking.is_none() {
            while let Some(command) = self.waiting.pop_front() {
                self.carry_out(command)?;
            }
        }
        loop {
            match self.commands.try_recv() {
                Ok(command @ (SourceCommand::Start { .. } | SourceCommand::Stop(_))) if self.revoking.is_some() => {
                    self.waiting.push_back(command);
                }
                Ok(command) => self.carry_out(command)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(End::Shutdown),
            }
        }
    }

    fn carry_out(&mut self, command: SourceCommand) -> Result<(), End> {
        match command {
            SourceCommand::Shutdown => Err(End::Shutdown),
            SourceCommand::Commit { partition, next } => {
                if let Err(error) = self.consumer.commit(&partition, next) {
                    tracing::debug!(%partition, %next, error, "offset not committed");
                }
                Ok(())
            }
            SourceCommand::Stop(partition) => {
                self.reads.stop(&partition);
                self.unassign(&[partition])
            }
            SourceCommand::Start { partition, at, generation } if self.reads.owns(&partition) => {
                self.unassign(std::slice::from_ref(&partition))?;
                self.reads.start(partition.clone(), at, generation);
                // While suspended, nothing is fetched; the resumption starts this one with the others.
                if self.flow == Flow::Suspended { Ok(()) } else { self.assign(&[(partition, at)]) }
            }
            SourceCommand::Start { partition, .. } => {
                tracing::debug!(%partition, "no longer ours, not started");
                Ok(())
            }
        }
    }

    fn follow_subscription(&mut self) -> Result<(), End> {
        // A closed channel means that the runtime is going down; what is subscribed stays so.
        if self.revoking.is_some() || !self.subscription.has_changed().unwrap_or(false) {
            return Ok(());
        }
        let topics = self.subscription.borrow_and_update().clone();
        self.consumer.subscribe(&topics).map_err(|error| End::Fatal(format!("cannot subscribe: {error}")))
    }

    fn send_batches(&mut self) -> Result<(), End> {
        let (health, mut recovered) = (&mut self.health, None);
        self.reads.send(&self.budget, &self.events, |partition| {
            if let Some(event) = health.topic_gave(&partition.topic) {
                recovered = Some(event);
            }
        })?;
        self.tell(recovered)
    }

    fn change_flow(&mut self) -> Result<(), End> {
        let next = self.flow.next(Instant::now(), self.reads.is_stuck(), self.budget.percent());
        // Resuming and suspending are (un)assignments, so they wait for the end of a revocation too.
        if next == self.flow || (self.revoking.is_some() && (next == Flow::Suspended || self.flow == Flow::Suspended)) {
            return Ok(());
        }
        let (before, percent) = (std::mem::replace(&mut self.flow, next), self.budget.percent());
        if next == Flow::Suspended {
            tracing::info!(percent, "memory is short: fetching suspended");
            self.unassign(&self.reads.iter().map(|read| read.partition.clone()).collect::<Vec<_>>())?;
        } else if before == Flow::Suspended {
            tracing::info!(percent, "fetching again");
            self.restart_all()?;
        }
        Ok(())
    }

    fn restart_all(&mut self) -> Result<(), End> {
        let mut starts = Vec::new();
        for read in self.reads.iter_mut().filter(|read| !read.out_of_range) {
            read.statistics_seen = 0;
            starts.push((read.partition.clone(), read.position));
        }
        self.assign(&starts)
    }

    fn round(&mut self) -> Result<(), End> {
        let mut round = Round::new(&mut self.reads, self.options.batch_bytes);
        let taken = self.consumer.consume(Duration::ZERO, |consumed| round.take(consumed));
        let Round { errors, broken, .. } = round;
        self.caught_up = taken < self.options.batch_records;
        self.reads.end_round();
        for error in errors {
            self.heed_error(error)?;
        }
        for notice in self.consumer.notices() {
            match notice {
                Notice::Assigned(partitions) => self.assigned(partitions)?,
                Notice::Revoked { partitions, lost } => self.revoked(partitions, lost)?,
                Notice::Error(error) => self.heed_error(error)?,
                Notice::Statistics(json) => self.statistics = Some(json),
            }
        }
        broken.map_or(Ok(()), |why| Err(End::Fatal(why)))
    }

    fn heed_error(&mut self, error: ClientError) -> Result<(), End> {
        if error.code.is(RD_KAFKA_RESP_ERR__FATAL) {
            return Err(End::Fatal(self.consumer.fatal_error().unwrap_or(error.text)));
        }
        let beyond = [RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE];
        if beyond.iter().any(|&code| error.code.is(code)) {
            return self.out_of_range(&error);
        }
        let event = self.health.error(&error);
        self.tell(event)
    }

    fn out_of_range(&mut self, error: &ClientError) -> Result<(), End> {
        let partition = error.topic.as_ref().map(|topic| TopicPartition::new(topic.as_str(), error.partition));
        let Some(read) = partition.as_ref().and_then(|partition| self.reads.get_mut(partition)) else { return Ok(()) };
        if std::mem::replace(&mut read.out_of_range, true) {
            return Ok(());
        }
        let (partition, generation) = (read.partition.clone(), read.generation);
        tracing::info!(%partition, position = %read.position, "kafka does not have the offset: {}", error.text);
        self.tell(Some(SourceEvent::OutOfRange { partition, generation }))
    }

    fn report_statistics(&mut self) -> Result<(), End> {
        let Some(json) = self.statistics.take() else { return Ok(()) };
        let statistics = match Statistics::parse(&json) {
            Ok(statistics) => statistics,
            Err(error) => {
                tracing::warn!(%error, "librdkafka's statistics are unreadable");
                return Ok(());
            }
        };
        if statistics.some_broker_is_up() {
            let event = self.health.broker_answers();
            self.tell(event)?;
        }
        if self.flow != Flow::Reading || self.revoking.is_some() {
            return Ok(());
        }
        let (mut events, mut idle) = (Vec::new(), Vec::new());
        for read in self.reads.iter_mut() {
            let partition = read.partition.clone();
            match read.judge(statistics.partition(partition.topic.as_str(), partition.partition)) {
                Judgement::Scanned(next, stable_end) => {
                    let generation = read.generation;
                    events.push(SourceEvent::Scanned(Scan { partition, generation, next, stable_end }));
                }
                Judgement::Idle => idle.push((partition, read.position)),
                Judgement::NothingNew => {}
            }
        }
        for (partition, position) in idle {
            tracing::warn!(%partition, %position, "not fetched for some time, for no reason known: started again");
            self.unassign(std::slice::from_ref(&partition))?;
            self.assign(&[(partition, position)])?;
        }
        events.into_iter().try_for_each(|event| self.tell(Some(event)))
    }

    /// Acknowledges an assignment with nothing in it: each partition is given to librdkafka when its `Start` says from where, so
    /// that its first fetch is the right one, and no offset is looked up, reset or sought.
    fn assigned(&mut self, partitions: Vec<TopicPartition>) -> Result<(), End> {
        // The group decides anew only when it has our answer to the last decision; still, an answer is never left out.
        self.end_revocation()?;
        self.consumer
            .acknowledge_assign()
            .map_err(|error| End::Fatal(format!("cannot acknowledge an assignment: {error}")))?;
        self.reads.own(&partitions);
        let recovered = self.health.group_took_us();
        self.tell(recovered)?;
        // A rebalance that changes nothing for us comes with an empty list.
        self.tell((!partitions.is_empty()).then_some(SourceEvent::Assigned(partitions)))
    }

    fn revoked(&mut self, partitions: Vec<TopicPartition>, lost: bool) -> Result<(), End> {
        self.end_revocation()?;
        if lost {
            self.give_back(&partitions)?;
            tracing::warn!(?partitions, "assignment lost: the session ran out or polling was late");
            return self.tell(Some(SourceEvent::Lost(partitions)));
        }
        let (revoking, event) = Revoking::new(partitions, self.options.revoke_wait);
        self.revoking = Some(revoking);
        self.tell(Some(event))
    }

    fn finish_revocation(&mut self) -> Result<(), End> {
        if self.revoking.as_mut().is_some_and(Revoking::is_over) { self.end_revocation() } else { Ok(()) }
    }

    fn end_revocation(&mut self) -> Result<(), End> {
        self.revoking.take().map_or(Ok(()), |revoking| self.give_back(&revoking.into_partitions()))
    }

    fn give_back(&mut self, partitions: &[TopicPartition]) -> Result<(), End> {
        self.reads.disown(partitions);
        self.unassign(partitions)
    }

    /// Waits for room: events other than records are few, and none may be left out.
    fn tell(&self, event: Option<SourceEvent>) -> Result<(), End> {
        event.map_or(Ok(()), |event| self.events.blocking_send(event).map_err(|_| End::Shutdown))
    }

    fn assign(&self, starts: &[(TopicPartition, Offset)]) -> Result<(), End> {
        self.consumer.assign(starts).map_err(|error| End::Fatal(format!("cannot start reading {starts:?}: {error}")))
    }

    fn unassign(&self, partitions: &[TopicPartition]) -> Result<(), End> {
        self.consumer
            .unassign(partitions)
            .map_err(|error| End::Fatal(format!("cannot stop reading {partitions:?}: {error}")))
    }
}
