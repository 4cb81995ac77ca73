//! Walking a topic's chains, newest cut first. Data folders are never listed: what the chain does not name does not exist.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};

use super::fetch::Fetch;
use super::plan::{Found, Listed, PartitionPlan, Planner, needed, selects, wanted};
use super::window::Window;
use crate::chain::{ChainId, Cut, CutError, LossRecord, chain_prefix, cut_key, loss_key};
use crate::domain::{Digest, Offset, Topic, TopicId, TopicPartition};
use crate::store::StoreError;

const PAGE: usize = 1000;
/// Cut records looked at at a time.
const RECORDS_AT_ONCE: usize = 16;

/// Returns the ids under which the archive knows a topic: several where it was re-created.
pub(super) async fn topic_ids(fetch: &Fetch, topic: &Topic) -> Result<BTreeSet<TopicId>, StoreError> {
    let folders = folders(fetch, &format!("chain/{topic}/")).await?;
    Ok(folders.iter().filter_map(|folder| folder.parse().ok()).collect())
}

/// Returns the partitions that have a chain.
pub(super) async fn partitions(fetch: &Fetch, topic: &Topic, id: TopicId) -> Result<BTreeSet<i32>, StoreError> {
    let folders = folders(fetch, &format!("chain/{topic}/{id}/")).await?;
    Ok(folders.iter().filter_map(|folder| folder.parse().ok()).collect())
}

/// Returns the folders right below `prefix`, asking for one key of each.
async fn folders(fetch: &Fetch, prefix: &str) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    while let Some(key) = fetch.list(prefix, after.as_deref(), 1).await?.keys.pop() {
        let rest = key.strip_prefix(prefix).unwrap_or_default();
        let Some((folder, _)) = rest.split_once('/') else {
            after = Some(key);
            continue;
        };
        // A tilde sorts after everything a chain's names are made of.
        after = Some(format!("{prefix}{folder}/~"));
        found.push(folder.to_owned());
    }
    Ok(found)
}

/// Plans one partition.
pub(super) async fn plan_partition(
    fetch: &Fetch,
    topic: &Topic,
    topic_id: TopicId,
    partition: i32,
    window: &Window,
) -> Result<PartitionPlan, StoreError> {
    let chain = ChainId { partition: TopicPartition { topic: topic.clone(), partition }, topic_id };
    let listed = list_cuts(fetch, &chain, window).await?;
    let needed = needed(&listed, window);
    let follower = needed.start.checked_sub(1).map(|at| listed[at].first);
    let mut planner = Planner::new(chain.clone(), window, follower);
    let looks = stream::iter(listed[needed].to_vec()).map(|cut| look(fetch, &chain, cut, window));
    let mut found = looks.buffered(RECORDS_AT_ONCE);
    while let Some(found) = found.try_next().await? {
        planner.add(found);
    }
    Ok(planner.finish())
}

/// Lists cuts from the newest back to one before the window.
async fn list_cuts(fetch: &Fetch, chain: &ChainId, window: &Window) -> Result<Vec<Listed>, StoreError> {
    let prefix = chain_prefix(chain);
    let mut cuts: Vec<Listed> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = fetch.list(&prefix, after.as_deref(), PAGE).await?;
        for key in &page.keys {
            let name = key.strip_prefix(&prefix).unwrap_or_default();
            if let Some(first) = name.strip_suffix(".loss.json").and_then(first_offset) {
                // It lists right after its cut; without one, the hole will be found.
                if let Some(cut) = cuts.last_mut().filter(|cut| cut.first == first) {
                    cut.has_loss = true;
                }
            } else if let Some(first) = name.strip_suffix(".json").and_then(first_offset) {
                cuts.push(Listed { first, has_loss: false });
            }
        }
        let before = cuts.len() - cuts.partition_point(|cut| window.first_offset() < cut.first);
        // The cut that holds the window's first offset, one before it, and a third as proof that the second's loss record
        // would have been seen.
        if !page.more || (before >= 3 && !window.is_timed()) {
            return Ok(cuts);
        }
        after = page.keys.last().cloned().or(after);
    }
}

/// Reads the offset from a name in a chain's folder.
fn first_offset(name: &str) -> Option<Offset> {
    let inverted: i64 = name.parse().ok().filter(|_| name.len() == 19)?;
    Some(Offset(i64::MAX - inverted))
}

/// Looks at one cut: its record, its loss record, and whether its objects are there.
async fn look(fetch: &Fetch, chain: &ChainId, listed: Listed, window: &Window) -> Result<Found, StoreError> {
    let key = cut_key(chain, listed.first);
    let gone = |key: &str| CutError::Damaged { key: key.to_owned(), cause: "it was listed and is not there".into() };
    let cut = match fetch.get(&key).await? {
        Some(bytes) => Cut::parse(&key, &bytes).map(|cut| (cut, Digest::of(&bytes))),
        None => Err(gone(&key)),
    };
    let Ok((read, record)) = &cut else {
        return Ok(Found { listed, cut, loss: None, missing: Vec::new() });
    };
    if !selects(window, read) {
        return Ok(Found { listed, cut, loss: None, missing: Vec::new() });
    }
    let loss = match listed.has_loss {
        true => {
            let key = loss_key(chain, listed.first);
            let bytes = fetch.get(&key).await?;
            Some(bytes.ok_or_else(|| gone(&key)).and_then(|bytes| LossRecord::parse(&key, &bytes, *record)))
        }
        false => None,
    };
    let mut missing = Vec::new();
    for object in wanted(window, read) {
        let named = matches!(&loss, Some(Ok(loss)) if loss.objects.iter().any(|lost| lost.key == object.key));
        if !named && fetch.head(&object.key).await?.is_none() {
            missing.push(object.key.clone());
        }
    }
    Ok(Found { listed, cut, loss, missing })
}
