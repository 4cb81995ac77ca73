//! Why a row keeps its payload.

/// The closed set of reasons why a payload is not exactly what its row encodes to, so that `_raw` holds it. A record is counted
/// once, under the first that applies. `docs/mapping.md` explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RawReason {
    /// A field that the schema does not know.
    UnknownField,
    /// Fields of a message that do not ascend.
    FieldOrder,
    /// A singular field, a oneof or a map key that comes twice.
    RepeatedField,
    /// A tag, length or number of more bytes or bits than it takes.
    Varint,
    /// Packed where the schema says expanded, the other way round, or a block in parts.
    Packing,
    /// A field without presence that carries its default.
    Default,
    /// A map entry without key or value, or with the value first.
    MapEntry,
    /// A string that is not UTF-8, where the schema does not ask for it.
    Text,
    /// A value beyond its column, which is null.
    Range,
    /// Digits that the column does not hold.
    Precision,
    /// A part that became JSON and does not come back from it.
    Json,
    /// The frame compressed the payload.
    Framing,
}

impl RawReason {
    pub const ALL: [RawReason; 12] = [
        RawReason::UnknownField,
        RawReason::FieldOrder,
        RawReason::RepeatedField,
        RawReason::Varint,
        RawReason::Packing,
        RawReason::Default,
        RawReason::MapEntry,
        RawReason::Text,
        RawReason::Range,
        RawReason::Precision,
        RawReason::Json,
        RawReason::Framing,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            RawReason::UnknownField => "unknown_field",
            RawReason::FieldOrder => "field_order",
            RawReason::RepeatedField => "repeated_field",
            RawReason::Varint => "varint",
            RawReason::Packing => "packing",
            RawReason::Default => "default",
            RawReason::MapEntry => "map_entry",
            RawReason::Text => "text",
            RawReason::Range => "range",
            RawReason::Precision => "precision",
            RawReason::Json => "json",
            RawReason::Framing => "framing",
        }
    }
}

/// The reasons that one payload gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawReasons(u16);

impl RawReasons {
    pub fn of(reason: RawReason) -> RawReasons {
        let mut reasons = RawReasons::default();
        reasons.add(reason);
        reasons
    }

    pub fn add_all(&mut self, others: RawReasons) {
        self.0 |= others.0;
    }

    #[inline(always)]
    pub fn add(&mut self, reason: RawReason) {
        self.0 |= 1 << reason as u16;
    }

    #[inline(always)]
    pub fn add_if(&mut self, applies: bool, reason: RawReason) {
        self.0 |= u16::from(applies) << reason as u16;
    }

    /// Returns the first reason; nothing for a canonical payload.
    pub fn first(self) -> Option<RawReason> {
        RawReason::ALL.get(self.0.trailing_zeros() as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_that_applies_counts() {
        let mut reasons = RawReasons::default();
        assert_eq!(reasons.first(), None);
        for (at, reason) in RawReason::ALL.into_iter().enumerate().rev() {
            assert_eq!(reason as usize, at);
            reasons.add(reason);
            assert_eq!(reasons.first(), Some(reason));
        }
    }
}
