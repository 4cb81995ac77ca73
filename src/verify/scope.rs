//! Which chains are verified, and what readers list beside them.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};

use super::inventory::Inventory;
use super::{QUESTIONS_AT_ONCE, Step};
use crate::chain::{ChainId, Cut, ObjectName, chain_prefix};
use crate::domain::{Topic, TopicPartition};
use crate::store::StoreError;
use crate::walk::{Fetch, folders, partitions, topic_ids};

const PAGE: usize = 1000;
/// How many of a chain's newest records are looked at for one that names a table.
const NEWEST: usize = 16;

/// What of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Everything,
    /// All chains of this name.
    Topic(Topic),
    /// All chains whose objects are in this table.
    Table(String),
}

/// Chooses the chains, and lists the folders of their tables unless the listing is not wanted.
pub(super) async fn choose(
    fetch: &Fetch,
    scope: &Scope,
    listing: bool,
    watch: &(dyn Fn(Step) + Send + Sync),
) -> Result<(BTreeSet<ChainId>, Inventory), StoreError> {
    let topics = match scope {
        Scope::Topic(topic) => vec![topic.to_string()],
        Scope::Everything | Scope::Table(_) => folders(fetch, "chain/").await?,
    };
    let found = stream::iter(topics).map(|topic| chains(fetch, Topic::new(&topic))).buffered(QUESTIONS_AT_ONCE);
    let chains: BTreeSet<ChainId> = found.try_concat().await?.into_iter().collect();
    let mut tables: BTreeMap<&ChainId, BTreeSet<String>> = BTreeMap::new();
    if *scope != Scope::Everything {
        let asked =
            chains.iter().map(|chain| async move { Ok::<_, StoreError>((chain, newest_tables(fetch, chain).await?)) });
        tables = stream::iter(asked).buffered(QUESTIONS_AT_ONCE).try_collect().await?;
    }
    let listed = match scope {
        Scope::Everything => {
            let mut all: BTreeSet<String> = folders(fetch, "tables/").await?.into_iter().collect();
            all.extend(folders(fetch, "quarantine/").await?);
            all
        }
        Scope::Topic(_) => tables.values().flatten().cloned().collect(),
        Scope::Table(table) => BTreeSet::from([table.clone()]),
    };
    let listed = listed.into_iter().filter(|_| listing || matches!(scope, Scope::Table(_)));
    let listed = listed.flat_map(|table| [format!("tables/{table}/"), format!("quarantine/{table}/")]).collect();
    let inventory = Inventory::new(listed);
    let names = list(fetch, &inventory, watch).await?;
    let Scope::Table(table) = scope else { return Ok((chains, inventory)) };
    let in_table = |chain: &&ChainId| {
        tables.get(*chain).is_some_and(|tables| tables.contains(table))
            || names.contains(&(chain.topic_id.short(), chain.partition.partition))
    };
    let chosen = chains.iter().filter(in_table).cloned().collect();
    Ok((chosen, if listing { inventory } else { Inventory::default() }))
}

async fn chains(fetch: &Fetch, topic: Topic) -> Result<Vec<ChainId>, StoreError> {
    let mut chains = Vec::new();
    for topic_id in topic_ids(fetch, &topic).await? {
        let found = partitions(fetch, &topic, topic_id).await?;
        let partition = |partition| TopicPartition { topic: topic.clone(), partition };
        chains.extend(found.into_iter().map(|number| ChainId { partition: partition(number), topic_id }));
    }
    Ok(chains)
}

/// Lists the inventory's folders, and returns whose objects stand there: beginnings of topic ids, and partitions.
async fn list(
    fetch: &Fetch,
    inventory: &Inventory,
    watch: &(dyn Fn(Step) + Send + Sync),
) -> Result<BTreeSet<(String, i32)>, StoreError> {
    let listings = inventory.folders().iter().map(|folder| async move {
        let mut names = BTreeSet::new();
        let page = |keys: &[String]| {
            inventory.add(keys);
            names.extend(
                keys.iter().filter_map(|key| ObjectName::parse(key)).map(|name| (name.topic_id, name.partition)),
            );
            watch(Step::Listed(inventory.len()));
        };
        each_page(fetch, folder, page).await?;
        Ok::<_, StoreError>(names)
    });
    let names: Vec<_> = stream::iter(listings).buffer_unordered(QUESTIONS_AT_ONCE).try_collect().await?;
    Ok(names.into_iter().flatten().collect())
}

/// Hands over the keys below a folder, page by page.
pub(super) async fn each_page(fetch: &Fetch, folder: &str, mut page: impl FnMut(&[String])) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let listed = fetch.list(folder, after.as_deref(), PAGE).await?;
        page(&listed.keys);
        after = listed.keys.last().cloned().or(after);
        if !listed.more {
            return Ok(());
        }
    }
}

/// Returns the tables that the newest data cut of a chain names.
async fn newest_tables(fetch: &Fetch, chain: &ChainId) -> Result<BTreeSet<String>, StoreError> {
    for key in fetch.list(&chain_prefix(chain), None, NEWEST).await?.keys {
        let bytes = fetch.get(&key).await?.unwrap_or_default();
        let Ok(cut) = Cut::parse(&key, &bytes) else { continue };
        let tables = cut.objects.iter().filter_map(|object| object.key.split('/').nth(1));
        let tables: BTreeSet<String> = tables.map(str::to_owned).collect();
        if !tables.is_empty() {
            return Ok(tables);
        }
    }
    Ok(BTreeSet::new())
}
