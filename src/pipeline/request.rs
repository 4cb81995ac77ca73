//! What a lane asks of the edges, and how one asking is carried out: one request to the store or the log, one answer.

use std::time::Duration;

use bytes::Bytes;

use crate::chain::{Event, Seen, Unclear};
use crate::domain::{Digest, StartAt, TopicId, TopicPartition};
use crate::schema::Layout;
use crate::source::Log;
use crate::store::commit::{self, Put};
use crate::store::{ArchiveStore, Identity, StoreError};
use crate::telemetry::{Edge, StatusBoard};

/// A question or a write; the lane goes on meanwhile.
#[derive(Clone, Debug)]
pub enum Request {
    TopicId {
        partition: TopicPartition,
        incarnation: Option<TopicId>,
    },
    Tip {
        prefix: String,
    },
    Bounds(TopicPartition),
    StartOffset(TopicPartition, StartAt),
    PutCut {
        key: String,
        bytes: Vec<u8>,
    },
    LookAtCut {
        key: String,
    },
    PutObject {
        index: usize,
        key: String,
        body: Bytes,
        seen: Seen,
    },
    LookAtObject {
        index: usize,
        key: String,
    },
    PutLoss {
        key: String,
        bytes: Vec<u8>,
    },
    LookAtLoss {
        key: String,
    },
    /// Fetch a layout that a cut names and this process does not hold.
    Layout(Digest),
}

/// What comes back.
#[derive(Debug)]
pub enum Answer {
    Event(Event),
    /// Nothing where the store did not answer: ask again.
    Layout(Digest, Option<Result<Box<Layout>, String>>),
}

/// The two outer worlds a request may go to, and where their health is noted.
pub struct Edges<'a> {
    pub store: &'a dyn ArchiveStore,
    pub log: &'a dyn Log,
    pub board: &'a StatusBoard,
}

/// Carries out one request, once. Whatever is not a clean success comes back as [`Unclear`]: the chain's rules decide what
/// that means, nobody in here.
pub async fn execute(request: Request, edges: &Edges<'_>) -> Answer {
    let Edges { store, log, .. } = *edges;
    let event = match request {
        Request::TopicId { incarnation: Some(id), .. } => Event::TopicId(Ok(id)),
        Request::TopicId { partition, incarnation: None } => Event::TopicId(edges.log(log.topic_id(&partition).await)),
        Request::Bounds(partition) => Event::Bounds(edges.log(log.bounds(&partition).await)),
        Request::StartOffset(partition, start) => Event::StartOffset(edges.log(log.offset_at(&partition, start).await)),
        Request::Tip { prefix } => Event::Tip(edges.store(tip(store, &prefix).await)),
        Request::PutCut { key, bytes } => {
            Event::CutPut(edges.put(&key, commit::put_cut(store, &key, bytes.into()).await))
        }
        Request::LookAtCut { key } => Event::CutSeen(edges.look(&key, bytes_at(store, &key).await)),
        Request::PutObject { index, key, body, seen } => {
            let identity = Identity { rows: seen.rows, nonce: seen.nonce, digest: seen.digest };
            Event::ObjectPut(index, edges.put(&key, commit::put_object(store, &key, body, &identity).await))
        }
        Request::LookAtObject { index, key } => {
            let seen = match commit::look_at_object(store, &key).await {
                // It does not even say who it is: not ours, and the chain stops at it.
                Err(StoreError::Damaged { .. }) => Ok(Some(Seen::stranger())),
                other => other.map(|found| found.map(Seen::from)),
            };
            Event::ObjectSeen(index, edges.look(&key, seen))
        }
        Request::PutLoss { key, bytes } => {
            Event::LossPut(edges.put(&key, commit::put_loss(store, &key, bytes.into()).await))
        }
        Request::LookAtLoss { key } => Event::LossSeen(edges.look(&key, bytes_at(store, &key).await)),
        Request::Layout(fingerprint) => return edges.layout(fingerprint).await,
    };
    Answer::Event(event)
}

impl From<Identity> for Seen {
    fn from(Identity { rows, nonce, digest }: Identity) -> Seen {
        Seen { rows, nonce, digest }
    }
}

async fn tip(store: &dyn ArchiveStore, prefix: &str) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let page = store.list(prefix, None, 1).await?;
    let Some(key) = page.keys.into_iter().next() else { return Ok(None) };
    // Listed and then gone would be a deletion, which nobody may do: ask again rather than believe it.
    let bytes = store.get(&key).await?.ok_or_else(|| StoreError::Unavailable {
        operation: "get",
        key: key.clone(),
        cause: "listed a moment ago, now absent".into(),
    })?;
    Ok(Some((key, bytes.to_vec())))
}

async fn bytes_at(store: &dyn ArchiveStore, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(store.get(key).await?.map(|bytes| bytes.to_vec()))
}

impl Edges<'_> {
    async fn layout(&self, fingerprint: Digest) -> Answer {
        let (rule, descriptors) = crate::chain::layout_keys(fingerprint);
        let both = async { Ok((self.store.get(&rule).await?, self.store.get(&descriptors).await?)) };
        let layout = match self.store(both.await) {
            Err(Unclear) => None,
            Ok((Some(rule), Some(descriptors))) => Some(
                Layout::from_stored(fingerprint, &rule, &descriptors).map(Box::new).map_err(|error| error.to_string()),
            ),
            Ok(_) => Some(Err(format!("{rule} or {descriptors} is not in the bucket"))),
        };
        Answer::Layout(fingerprint, layout)
    }

    fn put(&self, key: &str, put: Put) -> Result<(), Unclear> {
        match put {
            Put::Created => {
                self.healthy(Edge::StoreWrites, self.board.answered(Edge::StoreWrites));
                Ok(())
            }
            // No trouble, and no write that was taken: a look follows.
            Put::Unclear(StoreError::Taken { .. }) => Err(Unclear),
            Put::Unclear(error) => {
                let cause = error.to_string();
                self.unwell(Edge::StoreWrites, self.board.unclear(key, &cause), &cause)
            }
        }
    }

    fn look<T>(&self, key: &str, answer: Result<Option<T>, StoreError>) -> Result<Option<T>, Unclear> {
        if let Ok(Some(_)) = answer {
            self.healthy(Edge::StoreWrites, self.board.found(key));
        }
        self.store(answer)
    }

    fn store<T>(&self, answer: Result<T, StoreError>) -> Result<T, Unclear> {
        self.answer(Edge::Store, answer.map_err(|error| error.to_string()))
    }

    fn log<T>(&self, answer: Result<T, crate::source::LogError>) -> Result<T, Unclear> {
        self.answer(Edge::Kafka, answer.map_err(|error| error.to_string()))
    }

    fn answer<T>(&self, edge: Edge, answer: Result<T, String>) -> Result<T, Unclear> {
        match answer {
            Ok(value) => {
                self.healthy(edge, self.board.answered(edge));
                Ok(value)
            }
            Err(cause) => self.unwell(edge, self.board.troubled(edge, &cause), &cause),
        }
    }

    fn healthy(&self, edge: Edge, silent: Option<Duration>) {
        if let Some(silent) = silent {
            tracing::info!(?edge, silent_seconds = silent.as_secs(), "answers again");
        }
    }

    fn unwell<T>(&self, edge: Edge, news: bool, cause: &str) -> Result<T, Unclear> {
        if news {
            tracing::warn!(?edge, cause, "does not answer; waiting, nothing is lost");
        }
        Err(Unclear)
    }
}
