//! Looking at one chain: lists it, reads its cuts and what it must of their objects, and hands everything to the judge.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use super::finding::Finding;
use super::inventory::Inventory;
use super::judge::{ChainFacts, ChainJudge, SeenCut};
use super::object::{Sight, expected, judge_object, said_of};
use super::{Depth, Step};
use crate::chain::{ChainId, Cut, CutObject, LostObject};
use crate::domain::Digest;
use crate::encode::Footer;
use crate::store::StoreError;
use crate::walk::{Fetch, Layouts, Listed, Window, list_cuts, needed, prove, read_cut, read_footer, selects, wanted};

/// Cuts looked at at a time, in one chain.
const CUTS_AT_ONCE: usize = 64;
/// The unit of the memory budget, in bytes.
const UNIT: usize = 64 << 10;

/// What a verify works with.
pub struct Look<'a> {
    pub fetch: &'a Fetch,
    pub inventory: &'a Inventory,
    pub window: &'a Window,
    pub depth: Depth,
    pub now: i64,
    pub watch: &'a (dyn Fn(Step) + Send + Sync),
    pub layouts: Layouts,
    /// Layouts that cannot be used, and why.
    pub bad_layouts: Mutex<BTreeMap<Digest, String>>,
    pub memory: Memory,
}

/// Bounds what is in memory of objects read whole, and with it how many threads decode.
#[derive(Debug)]
pub struct Memory {
    units: Semaphore,
    all: u32,
    /// No object counts for less, so that there are no more of them at a time than processors.
    least: u32,
}

impl Memory {
    pub fn new(bytes: usize) -> Memory {
        let all = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).clamp(1, 1 << 20);
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
        Memory { units: Semaphore::new(all as usize), all, least: all.div_ceil(processors) }
    }

    /// Waits for room for an object. Its own numbers are claims: one that is larger than everything waits to be alone.
    async fn room(&self, footer: &Footer) -> Option<tokio::sync::SemaphorePermit<'_>> {
        let groups = footer.parquet.row_groups().iter();
        let sizes =
            groups.map(|group| group.compressed_size().saturating_add(group.total_byte_size().saturating_mul(2)));
        let bytes = sizes.fold(0i64, |sum, size| sum.saturating_add(size.max(0)));
        let units = u32::try_from(bytes / UNIT as i64).unwrap_or(u32::MAX);
        self.units.acquire_many(units.clamp(self.least, self.all)).await.ok()
    }
}

impl Look<'_> {
    /// Walks one chain.
    pub async fn chain(&self, chain: &ChainId) -> Result<(ChainFacts, Vec<Finding>), StoreError> {
        let listed = list_cuts(self.fetch, chain, self.window).await?;
        let needed = needed(&listed.cuts, self.window);
        let follower = needed.start.checked_sub(1).map(|at| listed.cuts[at].first);
        let mut judge = ChainJudge::new(chain.clone(), self.window, follower, self.now);
        listed.strangers.iter().for_each(|key| judge.stranger(key));
        (self.watch)(Step::CutsToCome(needed.len()));
        let looks = stream::iter(listed.cuts[needed].to_vec()).map(|cut| self.cut(chain, cut));
        let mut seen = looks.buffered(CUTS_AT_ONCE);
        while let Some(seen) = seen.try_next().await? {
            judge.add(seen);
            (self.watch)(Step::Cut);
        }
        Ok(judge.finish())
    }

    async fn cut(&self, chain: &ChainId, listed: Listed) -> Result<SeenCut, StoreError> {
        let read = read_cut(self.fetch, chain, listed, self.window).await?;
        let mut objects = Vec::new();
        if let Ok((cut, _)) = &read.cut
            && selects(self.window, cut)
        {
            self.layout(cut).await?;
            let lost = read.loss.as_ref().and_then(|loss| loss.as_ref().ok()).map_or(&[][..], Vec::as_slice);
            for object in wanted(self.window, cut) {
                objects.push(self.object(cut, object, &said_of(object, lost)).await?);
            }
        }
        Ok(SeenCut { first: listed.first, read, objects })
    }

    async fn object(&self, cut: &Cut, object: &CutObject, lost: &[&LostObject]) -> Result<Sight, StoreError> {
        let listed = self.inventory.take(&object.key);
        if self.depth == Depth::Listing {
            // One that was uploaded after the listing is seen now.
            let there = listed || self.fetch.head(&object.key).await?.is_some();
            return Ok(if there { Sight::Present } else { Sight::Absent });
        }
        let footer = match read_footer(self.fetch, &object.key).await? {
            None => return Ok(Sight::Absent),
            Some(Err(error)) => return Ok(Sight::Footer(Err(error.to_string()))),
            Some(Ok(footer)) => footer,
        };
        let room = match self.depth {
            Depth::Rows => self.memory.room(&footer).await,
            _ => None,
        };
        let sight = Sight::Footer(Ok(Box::new(footer)));
        if room.is_none() || judge_object(cut, object, lost, &sight).is_some() {
            return Ok(sight);
        }
        self.rows(cut, object, lost).await
    }

    async fn rows(&self, cut: &Cut, object: &CutObject, lost: &[&LostObject]) -> Result<Sight, StoreError> {
        let Some(bytes) = self.fetch.get(&object.key).await? else { return Ok(Sight::Absent) };
        let layout = match cut.layout {
            Some(fingerprint) => self.layouts.get(self.fetch, fingerprint).await?,
            None => Err("its cut names no layout".to_owned()),
        };
        let (kind, expected) = (object.kind, expected(object, lost));
        let proven = tokio::task::spawn_blocking(move || prove(bytes, kind, &layout, &expected).map(drop)).await;
        Ok(Sight::Rows(proven.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))))
    }

    /// Sees that a cut's layout is there.
    async fn layout(&self, cut: &Cut) -> Result<(), StoreError> {
        let Some(fingerprint) = cut.layout else { return Ok(()) };
        if let Err(cause) = self.layouts.get(self.fetch, fingerprint).await? {
            self.bad_layouts.lock().unwrap_or_else(PoisonError::into_inner).entry(fingerprint).or_insert(cause);
        }
        Ok(())
    }
}
