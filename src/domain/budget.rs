//! One budget for everything buffered, all partitions together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes in flight: permits are taken before bytes are kept, travel with them, and give back on drop.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    used: AtomicUsize,
}

impl MemoryBudget {
    pub fn new(limit: usize) -> MemoryBudget {
        MemoryBudget { shared: Arc::new(Shared { limit, used: AtomicUsize::new(0) }) }
    }

    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    pub fn used(&self) -> usize {
        self.shared.used.load(Ordering::Relaxed)
    }

    /// Returns the used share in percent.
    pub fn percent(&self) -> usize {
        self.used().saturating_mul(100) / self.limit().max(1)
    }

    /// Takes `bytes`, or nothing where they would pass the limit. A batch larger than the whole budget is let through when
    /// nothing else is held, since waiting would never help.
    pub fn try_take(&self, bytes: usize) -> Option<Permit> {
        let fits = |used: usize| (used == 0 || used.saturating_add(bytes) <= self.shared.limit).then(|| used + bytes);
        self.shared.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Permit { shared: self.shared.clone(), bytes })
    }

    /// Takes `bytes` whatever the limit: for what must be made from bytes already held, so that they can be let go.
    pub fn take(&self, bytes: usize) -> Permit {
        self.shared.used.fetch_add(bytes, Ordering::Relaxed);
        Permit { shared: self.shared.clone(), bytes }
    }
}

/// Bytes taken from a [`MemoryBudget`].
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_come_back_and_an_oversized_batch_passes_alone() {
        let budget = MemoryBudget::new(10);
        let held = budget.try_take(6).unwrap();
        assert!(budget.try_take(5).is_none());
        drop(held);
        let large = budget.try_take(50).unwrap();
        assert_eq!(budget.used(), 50);
        assert!(budget.try_take(1).is_none());
        drop(large);
        assert_eq!(budget.used(), 0);
    }
}
