//! A real archive in a folder, where it can be damaged.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use alluvium::chain::{ChainId, Cut, CutKind, GapReason, cut_key};
use alluvium::domain::{Digest, Offset};
use alluvium::store::{ArchiveStore, LocalStore};
use alluvium::verify::{Depth, Finding, Report, Scope, Verify};
use alluvium::walk::Window;

use crate::rig::{BASE, HOUR, Rig};

/// A copy of what a daemon has archived: six cuts of one partition, three hours in each.
pub struct Copy {
    pub folder: tempfile::TempDir,
    pub rig: Rig,
    pub chain: ChainId,
    pub cuts: Vec<Cut>,
}

impl Copy {
    pub async fn new() -> Copy {
        let mut rig = Rig::new(7);
        rig.append(0..40);
        rig.owner().await.settle_after_a_minute().await;
        let id = rig.topic_id().await;
        let (chain, cuts) = (rig.chain(id), rig.chain_of(id).await);
        assert!(cuts.len() > 4 && cuts[1].objects.len() == 3, "{cuts:?}");
        let folder = tempfile::tempdir().unwrap();
        for key in rig.keys("").await {
            let path = folder.path().join(&key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, rig.store.get(&key).await.unwrap().unwrap()).unwrap();
        }
        Copy { folder, rig, chain, cuts }
    }

    pub fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(key)
    }

    pub fn cut_key(&self, index: usize) -> String {
        cut_key(&self.chain, self.cuts[index].first)
    }

    pub fn remove(&self, key: &str) {
        fs::remove_file(self.path(key)).unwrap();
    }

    pub fn write(&self, key: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(key).parent().unwrap()).unwrap();
        fs::write(self.path(key), bytes).unwrap();
    }

    pub fn read(&self, key: &str) -> Vec<u8> {
        fs::read(self.path(key)).unwrap()
    }

    /// Writes a cut record and its successors, each naming the hash of the one before: what a forger with time would do.
    pub fn forge_from(&mut self, index: usize, change: impl FnOnce(&mut Cut)) {
        change(&mut self.cuts[index]);
        for at in index..self.cuts.len() {
            let bytes = self.cuts[at].to_bytes();
            let key = self.cut_key(at);
            self.write(&key, &bytes);
            if let Some(next) = self.cuts.get_mut(at + 1) {
                next.previous = Some(Digest::of(&bytes));
            }
        }
    }

    pub fn append_gap(&mut self, offsets: i64) {
        let last = self.cuts.last().unwrap();
        let gap = Cut {
            first: last.next,
            next: Offset(last.next.0 + offsets),
            kind: CutKind::Gap,
            reason: Some(GapReason::Retention),
            layout: None,
            objects: Vec::new(),
            previous: Some(Digest::of(&last.to_bytes())),
            ..last.clone()
        };
        self.cuts.push(gap);
        self.forge_from(self.cuts.len() - 1, |_| {});
    }

    pub fn verify(&self, depth: Depth) -> Verify {
        Verify {
            store: Arc::new(LocalStore::in_existing_folder(self.folder.path()).unwrap()),
            scope: Scope::Everything,
            window: Window::default(),
            depth,
            anchors: Vec::new(),
            log: None,
            memory: 64 << 20,
            now: BASE + 24 * HOUR,
        }
    }

    pub async fn report(&self, depth: Depth) -> Report {
        run(&self.verify(depth)).await
    }

    /// The one finding at this depth.
    pub async fn one(&self, depth: Depth) -> Finding {
        only(self.report(depth).await)
    }
}

pub async fn run(verify: &Verify) -> Report {
    verify.run(&|_| {}).await.unwrap()
}

#[track_caller]
pub fn only(mut report: Report) -> Finding {
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
    report.findings.remove(0)
}
