//! The layouts that rows were written by: what makes a payload again of a row that keeps none.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::fetch::Fetch;
use crate::chain::layout_keys;
use crate::domain::Digest;
use crate::schema::Layout;
use crate::store::StoreError;

/// A layout, or what is wrong with it and what can be done. Objects whose rows keep their payloads do without.
pub type FoundLayout = Result<Arc<Layout>, String>;

/// Fetches each layout once.
#[derive(Debug, Default)]
pub struct Layouts {
    found: Mutex<HashMap<Digest, FoundLayout>>,
}

impl Layouts {
    pub async fn get(&self, fetch: &Fetch, fingerprint: Digest) -> Result<FoundLayout, StoreError> {
        // Locked while it is fetched: who else wants it waits for it.
        let mut found = self.found.lock().await;
        if let Some(known) = found.get(&fingerprint) {
            return Ok(known.clone());
        }
        let (rule, descriptors) = layout_keys(fingerprint);
        let layout =
            compiled(fingerprint, fetch.get(&rule).await?.as_deref(), fetch.get(&descriptors).await?.as_deref());
        found.insert(fingerprint, layout.clone());
        Ok(layout)
    }
}

/// Compiles a layout from what stands at its two keys.
fn compiled(fingerprint: Digest, rule: Option<&[u8]>, descriptors: Option<&[u8]>) -> FoundLayout {
    let (rule_key, descriptors_key) = layout_keys(fingerprint);
    let missing = |key: String| {
        format!("{key} is missing: restore it from a copy, or run `alluvium run` with the schema of that time")
    };
    let rule = rule.ok_or_else(|| missing(rule_key))?;
    let descriptors = descriptors.ok_or_else(|| missing(descriptors_key))?;
    Layout::from_stored(fingerprint, rule, descriptors).map(Arc::new).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{FaultStore, LocalStore, Operation};

    #[tokio::test]
    async fn a_layout_is_asked_for_once_be_it_there_or_not() {
        let store = Arc::new(FaultStore::new(LocalStore::in_memory()));
        let (fetch, layouts) = (Fetch::new(store.clone()), Layouts::default());
        let wanted = Digest::of(b"a");
        let (one, other) = tokio::join!(layouts.get(&fetch, wanted), layouts.get(&fetch, wanted));
        assert!(one.unwrap().is_err() && other.unwrap().is_err());
        assert_eq!(store.count(Operation::Get, "layouts/"), 2);
    }
}
