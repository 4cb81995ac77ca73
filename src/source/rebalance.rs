//! The group's decisions: taken note of at once, obeyed when whoever runs the source has had its say.
//!
//! An assignment is acknowledged with nothing in it, and each partition is given to librdkafka when its `Start` says from
//! where: its first fetch is the right one, and no offset is looked up, reset or sought. A revocation is acknowledged
//! when its reply came, from the poll loop and not from the callback, so that heartbeats and polls go on meanwhile.

use std::time::Instant;

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::SourceEvent;
use super::poll::{End, Poller};
use crate::domain::TopicPartition;

/// A revocation that waits for its reply.
pub(super) struct Revoking {
    partitions: Vec<TopicPartition>,
    until: Instant,
    reply: oneshot::Receiver<()>,
}

impl Poller {
    pub(super) fn assigned(&mut self, partitions: Vec<TopicPartition>) -> Result<(), End> {
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

    pub(super) fn revoked(&mut self, partitions: Vec<TopicPartition>, lost: bool) -> Result<(), End> {
        self.end_revocation()?;
        if lost {
            self.give_back(&partitions)?;
            tracing::warn!(?partitions, "assignment lost: the session ran out or polling was late");
            return self.tell(Some(SourceEvent::Lost(partitions)));
        }
        let (sender, reply) = oneshot::channel();
        self.revoking =
            Some(Revoking { partitions: partitions.clone(), until: Instant::now() + self.options.revoke_wait, reply });
        self.tell(Some(SourceEvent::Revoked { partitions, reply: sender }))
    }

    /// Gives the partitions back once the reply is there, cannot come any more, or is late.
    pub(super) fn finish_revocation(&mut self) -> Result<(), End> {
        match &mut self.revoking {
            None => Ok(()),
            Some(revoking) => match revoking.reply.try_recv() {
                Err(TryRecvError::Empty) if Instant::now() < revoking.until => Ok(()),
                Err(TryRecvError::Empty) => {
                    tracing::warn!(partitions = ?revoking.partitions, "given back before the work was done");
                    self.end_revocation()
                }
                Ok(()) | Err(TryRecvError::Closed) => self.end_revocation(),
            },
        }
    }

    fn end_revocation(&mut self) -> Result<(), End> {
        self.revoking.take().map_or(Ok(()), |revoking| self.give_back(&revoking.partitions))
    }

    fn give_back(&mut self, partitions: &[TopicPartition]) -> Result<(), End> {
        self.reads.disown(partitions);
        self.unassign(partitions)
    }
}
