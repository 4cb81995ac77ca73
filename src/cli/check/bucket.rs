//! Can the bucket be reached, may we write to it, and does it refuse a second write of a key?

use std::sync::Arc;

use super::finding::Finding;
use crate::cli::run::REACH_STORE;
use crate::config::Settings;
use crate::store::{ArchiveStore, SelfTestError, StoreError, open, self_test};

pub(super) async fn stage(settings: Arc<Settings>) -> Vec<Finding> {
    match open(&settings.archive).await {
        Ok(store) => vec![probe(&*store, &format!("{:016x}", rand::random::<u64>())).await],
        Err(error) => vec![store_failed(&error)],
    }
}

async fn probe(store: &dyn ArchiveStore, nonce: &str) -> Finding {
    match self_test(store, "check", nonce).await {
        Ok(()) => Finding::ok(format!("{} can be written, and refuses a second write of a key", store.url())),
        Err(SelfTestError::Store { url, cause }) => {
            let finding = store_failed(&cause);
            Finding { what: format!("{url}: {}", finding.what), ..finding }
        }
        Err(error @ (SelfTestError::OverwritesInSilence { .. } | SelfTestError::ListsOutOfOrder { .. })) => {
            Finding::failed(error.to_string(), None)
        }
    }
}

fn store_failed(error: &StoreError) -> Finding {
    match error {
        StoreError::Refused { operation, key, cause, remedy } => {
            Finding::failed(format!("{operation} {key}: {cause}"), Some(remedy))
        }
        StoreError::Unavailable { .. } => Finding::failed(error.to_string(), Some(REACH_STORE)),
        StoreError::Taken { .. } | StoreError::Damaged { .. } => Finding::failed(error.to_string(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::finding::Status;
    use crate::store::{Fault, FaultStore, LocalStore, Operation, always};

    #[tokio::test]
    async fn a_store_that_keeps_its_first_write_is_ok() {
        let finding = probe(&LocalStore::in_memory(), "n").await;
        assert_eq!(finding.status, Status::Ok, "{finding:?}");
    }

    #[tokio::test]
    async fn a_store_out_of_reach_fails_with_what_to_look_at() {
        let down = FaultStore::new(LocalStore::in_memory()).on(Operation::PutNew, "", Fault::SlowDown, always());
        let finding = probe(&down, "n").await;
        assert_eq!((finding.status, finding.remedy.as_deref()), (Status::Failed, Some(REACH_STORE)));
        assert!(finding.what.starts_with("memory:"), "{finding:?}");
    }
}
