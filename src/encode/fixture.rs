//! Whole objects in one call, for the unit tests of this room and of `replay`.

use std::sync::Arc;

use bytes::Bytes;

use super::{Encoder, ObjectFacts};
use crate::decode::fixture::Whole;
use crate::schema::Layout;

pub fn encode(layout: &Arc<Layout>, object: &Whole, facts: &ObjectFacts) -> Bytes {
    let mut encoder = Encoder::new(layout.clone());
    let mut open = encoder.open(object.kind).unwrap();
    encoder.push(&mut open, &object.batch).unwrap();
    encoder.finish(open, object, facts).unwrap()
}
