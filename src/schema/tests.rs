use super::fixture::{compiled, layout, schemas, sets};
use super::*;
use crate::domain::Topic;

#[test]
fn the_message_that_uses_every_construct_compiles() {
    let layout = layout("corpus.v1.Everything");
    assert_eq!(layout.table(), "prod_svc_some_event");
    insta::assert_snapshot!(layout.lints().join("\n"));
}
