//! Judging what readers list and no cut names. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, FindingKind};
use crate::chain::{ChainId, ObjectName, cut_key};
use crate::domain::OffsetRange;

/// What is known after the walk.
#[derive(Debug)]
pub struct Known {
    /// The chains walked, by the beginning of the topic id and the partition.
    chains: BTreeMap<(String, i32), Vec<ChainId>>,
    /// Where cut records are missing or unreadable: their objects are part of that finding.
    broken: BTreeSet<String>,
    ranges: BTreeMap<(String, i32), Vec<OffsetRange>>,
    /// Whether an object of a chain that was not walked is somebody else's business.
    only_walked: bool,
}

/// What a stranger is.
#[derive(Debug)]
pub enum Stranger {
    Finding(Box<Finding>),
    /// An object whose cut is a finding already.
    Orphan,
    /// Not in question.
    Elsewhere,
}

impl Known {
    pub fn new<'c>(chains: impl Iterator<Item = &'c ChainId>, findings: &[Finding], only_walked: bool) -> Known {
        let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for chain in chains {
            by_name.entry((chain.topic_id.short(), chain.partition.partition)).or_default().push(chain.clone());
        }
        let (mut broken, mut ranges) = (BTreeSet::new(), BTreeMap::<_, Vec<_>>::new());
        let without_cut = findings.iter().filter(|finding| {
            let other = matches!(finding.kind, FindingKind::StrangeKey | FindingKind::ForeignCluster);
            finding.key.starts_with("chain/") && !other
        });
        for finding in without_cut {
            broken.insert(finding.key.clone());
            if let (Some(id), Some(partition), Some(range)) = (&finding.topic_id, finding.partition, finding.range()) {
                ranges.entry((id[..8].to_owned(), partition)).or_default().push(range);
            }
        }
        Known { chains: by_name, broken, ranges, only_walked }
    }

    pub fn judge(&self, key: &str) -> Stranger {
        let strange = |what: String| Stranger::Finding(Box::new(Finding::new(FindingKind::StrangeObject, key, what)));
        let Some(name) = ObjectName::parse(key) else {
            return strange("it does not have the name of an object".into());
        };
        let place = (name.topic_id.clone(), name.partition);
        let Some(chains) = self.chains.get(&place) else {
            if self.only_walked {
                return Stranger::Elsewhere;
            }
            let what = format!("its name says topic id {}…, partition {}: there is no such chain", place.0, place.1);
            return strange(what);
        };
        let in_broken = chains.iter().any(|chain| self.broken.contains(&cut_key(chain, name.first)));
        if in_broken || self.ranges.get(&place).is_some_and(|all| all.iter().any(|range| range.contains(name.first))) {
            return Stranger::Orphan;
        }
        let cut = cut_key(&chains[0], name.first);
        let what = format!("its name says that it is an object of {cut}, and no such cut names it");
        let finding = Finding::new(FindingKind::StrangeObject, key, what).of(&chains[0]);
        Stranger::Finding(Box::new(finding.at(Some(OffsetRange::only(name.first)))))
    }
}
