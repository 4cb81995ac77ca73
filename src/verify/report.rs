//! What a verify found.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Depth;
use super::finding::{Class, Finding};
use super::judge::ChainFacts;

/// Findings kept; the rest are counted.
const MOST_FINDINGS: usize = 10_000;

/// What was verified, how closely, and what is wrong.
#[derive(Debug, Serialize)]
pub struct Report {
    pub archive: String,
    pub checked: Depth,
    /// Whether objects that no cut names were looked for.
    pub strangers_sought: bool,
    pub cuts: u64,
    pub objects: u64,
    pub rows: u64,
    pub findings: Vec<Finding>,
    /// Findings beyond those that are listed.
    pub findings_left_out: u64,
    pub by_class: BTreeMap<&'static str, u64>,
    /// Objects that are still there though their cut record is a finding.
    pub orphans: u64,
    /// Questions to Kafka that were not answered.
    pub unanswered: Vec<String>,
    pub chains: Vec<ChainFacts>,
}

impl Report {
    pub fn new(archive: String, checked: Depth) -> Report {
        Report {
            archive,
            checked,
            strangers_sought: false,
            cuts: 0,
            objects: 0,
            rows: 0,
            findings: Vec::new(),
            findings_left_out: 0,
            by_class: BTreeMap::new(),
            orphans: 0,
            unanswered: Vec::new(),
            chains: Vec::new(),
        }
    }

    pub fn add_chain(&mut self, facts: ChainFacts, findings: Vec<Finding>) {
        self.cuts += facts.cuts;
        self.objects += facts.objects;
        self.rows += facts.rows;
        self.chains.push(facts);
        findings.into_iter().for_each(|finding| self.find(finding));
    }

    pub fn find(&mut self, finding: Finding) {
        *self.by_class.entry(finding.class.word()).or_default() += 1;
        match self.findings.len() < MOST_FINDINGS {
            true => self.findings.push(finding),
            false => self.findings_left_out += 1,
        }
    }

    /// Brings everything into the order of topic, id, partition and offset.
    pub fn sort(&mut self) {
        let chain = |facts: &ChainFacts| (facts.topic.clone(), facts.topic_id, facts.partition);
        self.chains.sort_by_key(chain);
        let place = |finding: &Finding| {
            (
                (finding.topic.clone(), finding.topic_id.clone(), finding.partition),
                (finding.first, finding.kind, finding.key.clone()),
            )
        };
        self.findings.sort_by_cached_key(place);
    }

    /// Whether nothing is wrong, as far as was looked.
    pub fn is_clean(&self) -> bool {
        self.by_class.is_empty()
    }

    pub fn count(&self, class: Class) -> u64 {
        self.by_class.get(class.word()).copied().unwrap_or(0)
    }
}
