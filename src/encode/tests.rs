use parquet::schema::printer::print_schema;

use super::*;
use crate::decode::fixture::{decode, records, wire};
use crate::domain::Offset;
use crate::schema::fixture::{layout, topic};

fn facts(layout: Digest) -> ObjectFacts {
    ObjectFacts {
        topic: topic(),
        topic_id: TopicId([0xab; 16]),
        partition: 3,
        cut: OffsetRange::new(Offset(0), Offset(100)).unwrap(),
        cut_key: "chain/x.json".into(),
        nonce: "n1".into(),
        layout,
    }
}

#[test]
fn the_parquet_schema_of_every_construct_is_the_golden_one() {
    let layout = layout("corpus.v1.Everything");
    let decoded = decode(&layout, &records([Some(wire().0)]));
    let bytes = encode(&decoded.objects[0], &facts(layout.fingerprint())).unwrap();
    let footer = Footer::read(&bytes).unwrap();
    let mut printed = Vec::new();
    print_schema(&mut printed, footer.parquet.file_metadata().schema());
    insta::assert_snapshot!(String::from_utf8(printed).unwrap());
}
