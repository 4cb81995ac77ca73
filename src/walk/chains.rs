//! Which chains there are, and their cuts, newest first.

use std::collections::BTreeSet;
use std::ops::Range;

use super::fetch::Fetch;
use super::window::Window;
use crate::chain::{
    ChainId, Cut, CutError, CutObject, LossRecord, LostObject, chain_prefix, cut_key, numbered_loss_key,
};
use crate::domain::{Digest, Offset, OffsetRange, Topic, TopicId};
use crate::store::StoreError;

const PAGE: usize = 1000;

/// A cut as a listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub first: Offset,
    pub has_loss: bool,
}

/// A chain's folder.
#[derive(Clone, Debug, Default)]
pub struct ListedChain {
    /// Newest first.
    pub cuts: Vec<Listed>,
    /// Keys that name neither a cut record nor the loss record of one that was listed.
    pub strangers: Vec<String>,
}

/// What stands at a cut's keys.
#[derive(Debug)]
pub struct Read {
    /// The record and the digest of its bytes, or why it is none.
    pub cut: Result<(Cut, Digest), CutError>,
    /// What its loss records name, where one was listed and the cut can be read.
    pub loss: Option<Result<Vec<LostObject>, CutError>>,
}

/// Returns the ids under which the archive knows a topic: several where it was re-created.
pub async fn topic_ids(fetch: &Fetch, topic: &Topic) -> Result<BTreeSet<TopicId>, StoreError> {
    let folders = folders(fetch, &format!("chain/{topic}/")).await?;
    Ok(folders.iter().filter_map(|folder| folder.parse().ok()).collect())
}

/// Returns the partitions that have a chain.
pub async fn partitions(fetch: &Fetch, topic: &Topic, id: TopicId) -> Result<BTreeSet<i32>, StoreError> {
    let folders = folders(fetch, &format!("chain/{topic}/{id}/")).await?;
    Ok(folders.iter().filter_map(|folder| folder.parse().ok()).collect())
}

/// Returns the folders right below `prefix`, asking for one key of each.
pub async fn folders(fetch: &Fetch, prefix: &str) -> Result<Vec<String>, StoreError> {
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

/// Lists cuts from the newest back to one before the window.
pub async fn list_cuts(fetch: &Fetch, chain: &ChainId, window: &Window) -> Result<ListedChain, StoreError> {
    let prefix = chain_prefix(chain);
    let mut listed = ListedChain::default();
    let mut after: Option<String> = None;
    loop {
        let page = fetch.list(&prefix, after.as_deref(), PAGE).await?;
        for key in &page.keys {
            let name = key.strip_prefix(&prefix).and_then(|name| name.strip_suffix(".json")).unwrap_or_default();
            let of_cut = name.trim_end_matches(".loss");
            match (first_offset(of_cut), listed.cuts.last_mut()) {
                (Some(first), _) if of_cut == name => listed.cuts.push(Listed { first, has_loss: false }),
                // It lists right after its cut.
                (Some(first), Some(cut)) if cut.first == first => cut.has_loss = true,
                _ => listed.strangers.push(key.clone()),
            }
        }
        let before = listed.cuts.len() - listed.cuts.partition_point(|cut| window.first_offset() < cut.first);
        // The cut that holds the window's first offset, one before it, and a third as proof that the second's loss record
        // would have been seen.
        if !page.more || (before >= 3 && !window.is_timed()) {
            return Ok(listed);
        }
        after = page.keys.last().cloned().or(after);
    }
}

/// Reads the offset from a name in a chain's folder.
fn first_offset(name: &str) -> Option<Offset> {
    let inverted: i64 = name.parse().ok().filter(|_| name.len() == 19)?;
    Some(Offset(i64::MAX - inverted))
}

/// Returns which of the listed cuts (newest first) must be read: those that can meet the window, and one more on either
/// side, whose hashes vouch for the outermost. Times are known only to the records, so a window of time needs them all.
pub fn needed(listed: &[Listed], window: &Window) -> Range<usize> {
    if window.is_timed() {
        return 0..listed.len();
    }
    let newest = listed.partition_point(|cut| window.next.is_some_and(|next| next <= cut.first));
    let beyond = listed.partition_point(|cut| window.first_offset() < cut.first);
    newest.saturating_sub(1)..(beyond + 2).min(listed.len())
}

/// Whether a cut may hold records of the window.
pub fn selects(window: &Window, cut: &Cut) -> bool {
    window.meets(cut.range()) && window.meets_times(cut.min_timestamp, cut.max_timestamp)
}

/// Returns the objects of a cut that may hold records of the window.
pub fn wanted<'c>(window: &Window, cut: &'c Cut) -> impl Iterator<Item = &'c CutObject> {
    let window = *window;
    cut.objects
        .iter()
        .filter(move |object| OffsetRange::new(object.first, object.next).is_some_and(|span| window.meets(span)))
}

/// Reads a cut record, and its loss records where the window wants the cut.
pub async fn read_cut(fetch: &Fetch, chain: &ChainId, listed: Listed, window: &Window) -> Result<Read, StoreError> {
    let key = cut_key(chain, listed.first);
    let cut = match fetch.get(&key).await? {
        Some(bytes) => Cut::parse(&key, &bytes).map(|cut| (cut, Digest::of(&bytes))),
        None => Err(gone(key)),
    };
    let loss = match &cut {
        Ok((cut, record)) if listed.has_loss && selects(window, cut) => {
            Some(read_losses(fetch, chain, listed.first, *record).await?)
        }
        _ => None,
    };
    Ok(Read { cut, loss })
}

/// Reads the loss records of the cut that begins at `first` and whose record has the digest `cut`: what they name, first to last.
/// An object may be in several.
pub async fn read_losses(
    fetch: &Fetch,
    chain: &ChainId,
    first: Offset,
    cut: Digest,
) -> Result<Result<Vec<LostObject>, CutError>, StoreError> {
    let mut lost = Vec::new();
    for number in 0.. {
        let key = numbered_loss_key(chain, first, number);
        match fetch.get(&key).await?.map(|bytes| LossRecord::parse(&key, &bytes, cut)) {
            None if number == 0 => return Ok(Err(gone(key))),
            None => break,
            Some(Ok(loss)) => lost.extend(loss.objects),
            Some(Err(error)) => return Ok(Err(error)),
        }
    }
    Ok(Ok(lost))
}

fn gone(key: String) -> CutError {
    CutError::Damaged { key, cause: "it was listed and is not there".into() }
}
