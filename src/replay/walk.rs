//! From a partition's chain to its plan. Data folders are never listed: what the chain does not name does not exist.

use futures::{StreamExt, TryStreamExt, stream};

use super::plan::{Found, PartitionPlan, Planner};
use crate::chain::{ChainId, Cut, LostObject};
use crate::domain::{Topic, TopicId, TopicPartition};
use crate::store::StoreError;
use crate::walk::{Fetch, Listed, Read, Window, list_cuts, needed, read_cut, selects, wanted};

/// Cut records looked at at a time.
const RECORDS_AT_ONCE: usize = 16;

/// Plans one partition.
pub(super) async fn plan_partition(
    fetch: &Fetch,
    topic: &Topic,
    topic_id: TopicId,
    partition: i32,
    window: &Window,
) -> Result<PartitionPlan, StoreError> {
    let chain = ChainId { partition: TopicPartition { topic: topic.clone(), partition }, topic_id };
    let listed = list_cuts(fetch, &chain, window).await?.cuts;
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

/// Looks at one cut: its record, its loss record, and whether its objects are there.
async fn look(fetch: &Fetch, chain: &ChainId, listed: Listed, window: &Window) -> Result<Found, StoreError> {
    let Read { cut, loss } = read_cut(fetch, chain, listed, window).await?;
    let mut missing = Vec::new();
    if let Ok((cut, _)) = &cut
        && selects(window, cut)
    {
        missing = look_for_objects(fetch, cut, loss.as_ref().and_then(|loss| loss.as_ref().ok()), window).await?;
    }
    Ok(Found { listed, cut, loss, missing })
}

/// Returns the keys of objects that should be there and are not.
async fn look_for_objects(
    fetch: &Fetch,
    cut: &Cut,
    lost: Option<&Vec<LostObject>>,
    window: &Window,
) -> Result<Vec<String>, StoreError> {
    let mut missing = Vec::new();
    for object in wanted(window, cut) {
        let named = lost.is_some_and(|lost| lost.iter().any(|lost| lost.key == object.key));
        if !named && fetch.head(&object.key).await?.is_none() {
            missing.push(object.key.clone());
        }
    }
    Ok(missing)
}
