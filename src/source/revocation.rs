//! A revocation on its way: told, and acknowledged when whoever runs the source has had its say.
//!
//! It is acknowledged from the poll loop and not from the callback, so that heartbeats and polls go on meanwhile.

use std::time::{Duration, Instant};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::SourceEvent;
use crate::domain::TopicPartition;

/// A revocation that waits for its reply.
pub(super) struct Revoking {
    partitions: Vec<TopicPartition>,
    until: Instant,
    reply: oneshot::Receiver<()>,
}

impl Revoking {
    /// Returns a revocation that waits so long, and the event to tell.
    pub fn new(partitions: Vec<TopicPartition>, wait: Duration) -> (Revoking, SourceEvent) {
        let (sender, reply) = oneshot::channel();
        let revoking = Revoking { partitions: partitions.clone(), until: Instant::now() + wait, reply };
        (revoking, SourceEvent::Revoked { partitions, reply: sender })
    }

    /// Whether the reply is there, cannot come any more, or is late.
    pub fn is_over(&mut self) -> bool {
        match self.reply.try_recv() {
            Err(TryRecvError::Empty) if Instant::now() < self.until => false,
            Err(TryRecvError::Empty) => {
                tracing::warn!(partitions = ?self.partitions, "given back before the work was done");
                true
            }
            Ok(()) | Err(TryRecvError::Closed) => true,
        }
    }

    pub fn into_partitions(self) -> Vec<TopicPartition> {
        self.partitions
    }
}
