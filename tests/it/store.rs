//! The stores that need no server, by the one suite.

use std::sync::Arc;

use alluvium::store::{ArchiveStore, LocalStore};

mod memory {
    use super::*;
    crate::conformance::suite!(async { ((), Arc::new(LocalStore::in_memory()) as Arc<dyn ArchiveStore>) });
}

mod folder {
    use super::*;
    crate::conformance::suite!(async {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn ArchiveStore> = Arc::new(LocalStore::in_folder(folder.path()).unwrap());
        (folder, store)
    });
}
