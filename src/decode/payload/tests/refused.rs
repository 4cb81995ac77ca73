//! Rows that no decoder makes.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow_schema::Schema;

use super::super::PayloadWriter;
use crate::decode::fixture::{row, wire};
use crate::schema::fixture::layout;

/// Puts another array in place of a column of a row of `Everything`, and says what is wrong with it.
fn refusal(column: &str, array: ArrayRef) -> String {
    let layout = layout("corpus.v1.Everything");
    let batch = row(&layout, wire());
    let at = batch.schema().index_of(column).unwrap();
    let (mut fields, mut arrays) = (batch.schema().fields().to_vec(), batch.columns().to_vec());
    fields[at] = Arc::new(fields[at].as_ref().clone().with_data_type(array.data_type().clone()));
    arrays[at] = array;
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let mut out = vec![7];
    let written = PayloadWriter::new(&layout, &batch).and_then(|writer| writer.write(0, &mut out));
    assert_eq!(out, [7], "nothing is appended");
    written.unwrap_err().to_string()
}

fn text(text: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![text]))
}

#[test]
fn damaged_rows_are_told_by_their_column() {
    assert_eq!(refusal("color", text("COLOR_BLUE")), "color: \"COLOR_BLUE\" is no value of its type");
    assert_eq!(refusal("itself", text("{\"a_bool\":1}")), "itself.a_bool: byte 10 of its JSON is not a Bool");
    let no_text = "an_int32: a column of Utf8 where the layout has another";
    assert_eq!(refusal("an_int32", text("1")), no_text);
    let layout = layout("corpus.v1.Everything");
    let null_of = |column: &str| {
        let schema = layout.arrow_schema();
        refusal(column, new_null_array(schema.field_with_name(column).unwrap().data_type(), 1))
    };
    for column in ["a_bool", "a_string", "color", "ints", "labels"] {
        assert_eq!(null_of(column), format!("{column}: null, where a row has a value"));
    }
}

#[test]
fn a_missing_column_is_told() {
    let layout = layout("corpus.v1.Point");
    let batch = row(&layout, wire());
    let without = batch.project(&(0..batch.num_columns() - 1).collect::<Vec<_>>()).unwrap();
    assert_eq!(PayloadWriter::new(&layout, &without).err().unwrap().to_string(), "y: the object has no such column");
}
