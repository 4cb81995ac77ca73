//! Whether an archive is what its chains say.                                                                     wiring
//!
//! **What it is.** [`Verify`] says what to look at and how closely; [`Verify::run`] looks, and returns a [`Report`] of chains and
//! findings.
//!
//! **Flow.** `scope` chooses the chains and lists what readers list below their tables (`inventory`) → `look` walks each chain, newest
//! cut first, and hands what it saw to `judge` (cuts), `object` (footers, rows) → what is left of the inventory goes to `stranger`
//! → anchors and Kafka's log are compared with the chains. The listing comes first: an object exists only after its cut, so
//! each listed object has a cut that the walk will meet, also beside a running daemon.
//!
//! **Promises.** Judging is pure and in files of its own. A finding never ends a verify: the other chains are walked, and the
//! rest of the same. Nothing is written. Held in memory are sixteen bytes for each listed object, the cuts that are being
//! looked at, and objects read whole within `memory`.
//!
//! **Failure.** What is wrong with the archive is a [`Finding`]; a [`VerifyError`] is a store that does not answer, or a scope
//! that is empty.
//!
//! **Cancellation and crash.** A verify keeps nothing, and can be dropped and begun again at any time.
//!
//! **Not here.** Mending. A finding says what a person can do.

mod anchors;
mod finding;
mod inventory;
mod judge;
mod look;
mod object;
mod report;
mod scope;
mod stranger;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::PoisonError;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

pub use anchors::{Anchor, Anchors};
pub use finding::{Class, Finding, FindingKind};
pub use judge::{ChainFacts, InProgress, LogFacts, OddTimes, Tip};
pub use report::Report;
pub use scope::Scope;

use crate::chain::{ChainId, layout_keys};
use crate::domain::{Digest, Topic, TopicPartition};
use crate::source::{Log, LogError};
use crate::store::{ArchiveStore, StoreError};
use crate::walk::{Fetch, Layouts, Window};
use inventory::Inventory;
use look::{Look, Memory};
use stranger::{Known, Stranger};

/// Chains walked at a time.
const CHAINS_AT_ONCE: usize = 4;
/// Folders listed, anchors looked at and questions asked at a time.
const QUESTIONS_AT_ONCE: usize = 16;

/// How closely objects are looked at. Cut records are always read, parsed and hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Whether they are there.
    Listing,
    /// And what their footers say.
    #[default]
    Footers,
    /// And whether their rows give the digest that the cut names.
    Rows,
}

/// How far a verify is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many keys were listed by now.
    Listed(usize),
    CutsToCome(usize),
    Cut,
}

/// What to verify.
#[derive(Clone)]
pub struct Verify {
    pub store: Arc<dyn ArchiveStore>,
    pub scope: Scope,
    pub window: Window,
    pub depth: Depth,
    pub anchors: Vec<Anchor>,
    /// Asked where given.
    pub log: Option<Arc<dyn Log>>,
    /// Bytes of objects that may be in memory, for [`Depth::Rows`].
    pub memory: usize,
    /// The time, in milliseconds since the epoch: records far beyond it are told.
    pub now: i64,
}

/// Why a verify cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("{url} has no chain: chain/ is empty; see that `archive.url` is right")]
    NoChain { url: String },
    #[error("{url} has nothing of topic {topic}: chain/{topic}/ is empty")]
    NoTopic { topic: Topic, url: String },
    #[error("{url} has nothing of table {table}: no object and no chain names it")]
    NoTable { table: String, url: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Verify {
    pub async fn run(&self, watch: &(dyn Fn(Step) + Send + Sync)) -> Result<Report, VerifyError> {
        let fetch = Fetch::new(self.store.clone());
        let mut report = Report::new(self.store.url(), self.depth);
        // A window sees a part of the cuts, and cannot tell a stranger from an object of the others.
        report.strangers_sought = self.window == Window::default();
        let (chains, inventory) = scope::choose(&fetch, &self.scope, report.strangers_sought, watch).await?;
        if let Some(error) = self.nothing_of(&chains, &inventory) {
            return Err(error);
        }
        let look = Look {
            fetch: &fetch,
            inventory: &inventory,
            window: &self.window,
            depth: self.depth,
            now: self.now,
            watch,
            layouts: Layouts::default(),
            bad_layouts: Default::default(),
            memory: Memory::new(self.memory),
        };
        let mut walks = stream::iter(&chains).map(|chain| look.chain(chain)).buffer_unordered(CHAINS_AT_ONCE);
        while let Some((facts, findings)) = walks.try_next().await? {
            report.add_chain(facts, findings);
        }
        drop(walks);
        let bad_layouts = look.bad_layouts.into_inner().unwrap_or_else(PoisonError::into_inner);
        bad_layouts.into_iter().for_each(|(fingerprint, cause)| {
            let (rule, _) = layout_keys(fingerprint);
            report.find(Finding::new(FindingKind::UnreadableLayout, rule, cause));
        });
        judge_clusters(&mut report);
        self.compare_anchors(&fetch, &mut report).await?;
        self.find_strangers(&fetch, &chains, &inventory, &mut report).await?;
        self.ask_kafka(&mut report).await;
        report.sort();
        Ok(report)
    }

    fn nothing_of(&self, chains: &BTreeSet<ChainId>, inventory: &Inventory) -> Option<VerifyError> {
        // With anchors, a chain that is gone is a finding.
        if !chains.is_empty() || !inventory.is_empty() || !self.anchors.is_empty() {
            return None;
        }
        let url = self.store.url();
        Some(match &self.scope {
            Scope::Everything => VerifyError::NoChain { url },
            Scope::Topic(topic) => VerifyError::NoTopic { topic: topic.clone(), url },
            Scope::Table(table) => VerifyError::NoTable { table: table.clone(), url },
        })
    }

    /// Sees that each tip of an earlier day is still in its chain.
    async fn compare_anchors(&self, fetch: &Fetch, report: &mut Report) -> Result<(), StoreError> {
        let walked: BTreeMap<_, _> =
            report.chains.iter().map(|facts| (facts.chain(), facts.tip.map(|tip| tip.next))).collect();
        let in_scope = |anchor: &&Anchor| match &self.scope {
            Scope::Everything => true,
            Scope::Topic(topic) => anchor.topic == *topic,
            Scope::Table(_) => walked.contains_key(&anchor.chain()),
        };
        let looks = self.anchors.iter().filter(in_scope).map(|anchor| async move {
            let found = fetch.get(&anchor.key()).await?.map(|bytes| Digest::of(&bytes));
            Ok::<_, StoreError>((anchor, found))
        });
        let looked: Vec<_> = stream::iter(looks).buffered(QUESTIONS_AT_ONCE).try_collect().await?;
        for (anchor, found) in looked {
            let reaches = walked.get(&anchor.chain()).copied().flatten();
            anchor.judge(found, reaches).into_iter().for_each(|finding| report.find(finding));
        }
        Ok(())
    }

    /// Names what is left of the inventory. Only its hashes were kept, so the folders are listed again.
    async fn find_strangers(
        &self,
        fetch: &Fetch,
        chains: &BTreeSet<ChainId>,
        inventory: &Inventory,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        if inventory.is_empty() {
            return Ok(());
        }
        let known = Known::new(chains.iter(), &report.findings, matches!(self.scope, Scope::Topic(_)));
        for folder in inventory.folders() {
            scope::each_page(fetch, folder, |keys| {
                for key in keys.iter().filter(|key| inventory.is_unnamed(key)) {
                    match known.judge(key) {
                        Stranger::Finding(finding) => report.find(*finding),
                        Stranger::Orphan => report.orphans += 1,
                        Stranger::Elsewhere => {}
                    }
                }
            })
            .await?;
        }
        Ok(())
    }

    async fn ask_kafka(&self, report: &mut Report) {
        let Some(log) = &self.log else { return };
        let cluster = match log.cluster_id().await {
            Ok(cluster) => cluster,
            // Who does not answer this will not answer the rest.
            Err(error) => return report.unanswered.push(error.to_string()),
        };
        let partitions: BTreeSet<TopicPartition> = report.chains.iter().map(|facts| facts.chain().partition).collect();
        let questions = partitions.into_iter().map(|partition| async move {
            let id = log.topic_id(&partition).await;
            let bounds = log.bounds(&partition).await;
            (partition, id, bounds)
        });
        let answers: Vec<_> = stream::iter(questions).buffered(QUESTIONS_AT_ONCE).collect().await;
        for (partition, id, bounds) in answers {
            // A topic that is gone, or was re-created, says nothing of the chains of its forebears.
            let id = match id {
                Ok(id) => Some(id),
                Err(LogError::NoTopicId(_)) => None,
                Err(LogError::NoTopic(_)) => continue,
                Err(error) => {
                    report.unanswered.push(error.to_string());
                    continue;
                }
            };
            let bounds = match bounds {
                Ok(bounds) => bounds,
                Err(LogError::NoTopic(_)) => continue,
                Err(error) => {
                    report.unanswered.push(error.to_string());
                    continue;
                }
            };
            let mut found = Vec::new();
            for facts in report.chains.iter_mut().filter(|facts| facts.chain().partition == partition) {
                let chain = facts.chain();
                if id.is_none_or(|id| id == chain.topic_id) {
                    found.extend(judge::judge_log(&chain, facts, bounds));
                    found.extend(judge::judge_cluster(&chain, facts, &cluster));
                }
            }
            found.into_iter().for_each(|finding| report.find(finding));
        }
    }
}

/// Tells topics that chains of several Kafka clusters carry.
fn judge_clusters(report: &mut Report) {
    let mut clusters: BTreeMap<Topic, BTreeSet<String>> = BTreeMap::new();
    for facts in report.chains.iter().filter(|facts| !facts.cluster.is_empty()) {
        clusters.entry(facts.topic.clone()).or_default().insert(facts.cluster.clone());
    }
    for (topic, clusters) in clusters.into_iter().filter(|(_, clusters)| clusters.len() > 1) {
        let clusters: Vec<_> = clusters.into_iter().collect();
        let what = format!("chains of this topic were written for the clusters {}", clusters.join(", "));
        let finding = Finding::new(FindingKind::ForeignCluster, format!("chain/{topic}/"), what);
        report.find(Finding { topic: Some(topic), ..finding });
    }
}
