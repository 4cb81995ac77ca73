//! Why a row keeps its payload.

/// What a payload has that its row, written again, would not have. `docs/mapping.md` explains each. A record counts once, under
/// the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RawReason {
    /// A field that the schema does not know.
    UnknownField,
    /// Fields that do not stand in ascending order.
    FieldOrder,
    /// A singular field or two members of a oneof, or a map's key, more than once.
    RepeatedField,
    /// A tag, length or value of more bytes than it takes, bits that its type has no place for, a bool beyond 1, a negative int32
    /// in five bytes.
    Varint,
    /// Repeated numbers packed where they are declared otherwise, or the other way round, or in several blocks.
    Packing,
    /// A field without presence that holds its default, or a well-known type's field that does.
    Default,
    /// A map entry without key or value, or with the value first.
    MapEntry,
    /// Text that is not UTF-8, whose parts were replaced.
    Text,
    /// A value beyond its column, which became null.
    Range,
    /// A value finer than its column: digits of a Timestamp below a microsecond, a Duration whose parts differ in sign.
    Precision,
    /// A part kept as JSON that does not say all of its bytes.
    Json,
    /// A frame that compressed the payload, or that the columns do not hold whole.
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

    /// Most payloads give none, so a branch that is never taken is cheaper than a sum.
    #[inline(always)]
    pub fn add_if(&mut self, applies: bool, reason: RawReason) {
        if applies {
            std::hint::cold_path();
            self.add(reason);
        }
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
