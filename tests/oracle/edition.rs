//! A proto2 or proto3 file written as edition 2023, which says the same with features. Byte by byte, since the descriptor types of the prost family
//! know neither edition nor features. Numbers are those of `google/protobuf/descriptor.proto`.

use prost::Message;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::wire::{len, number};

const EDITION_2023: u64 = 1_000;

/// Features: number and value.
const EXPLICIT: (u32, u64) = (1, 1);
const IMPLICIT: (u32, u64) = (1, 2);
const REQUIRED: (u32, u64) = (1, 3);
const CLOSED: (u32, u64) = (2, 2);
const PACKED: (u32, u64) = (3, 1);
const EXPANDED: (u32, u64) = (3, 2);
const NOT_VERIFIED: (u32, u64) = (4, 3);
const DELIMITED: (u32, u64) = (5, 2);

pub fn as_edition(file: &FileDescriptorProto) -> Vec<u8> {
    let features: &[(u32, u64)] =
        if file.syntax() == "proto3" { &[IMPLICIT] } else { &[CLOSED, EXPANDED, NOT_VERIFIED] };
    let bare = FileDescriptorProto {
        syntax: Some("editions".into()),
        message_type: Vec::new(),
        extension: Vec::new(),
        ..file.clone()
    };
    let mut out = bare.encode_to_vec();
    file.message_type.iter().for_each(|one| out.extend(len(4, &message(one))));
    file.extension.iter().for_each(|one| out.extend(len(7, &field(one))));
    out.extend(len(8, &feature_set(50, features)));
    out.extend(number(14, EDITION_2023));
    out
}

fn message(of: &DescriptorProto) -> Vec<u8> {
    let optional = of.field.iter().filter(|field| field.proto3_optional()).count();
    let mut bare = DescriptorProto { field: Vec::new(), nested_type: Vec::new(), ..of.clone() };
    // The oneofs of `optional` stand last.
    bare.oneof_decl.truncate(of.oneof_decl.len() - optional);
    let mut out = bare.encode_to_vec();
    of.field.iter().for_each(|one| out.extend(len(2, &field(one))));
    of.nested_type.iter().for_each(|one| out.extend(len(3, &message(one))));
    out
}

fn field(of: &FieldDescriptorProto) -> Vec<u8> {
    let (mut bare, mut features) = (of.clone(), Vec::new());
    if of.label() == Label::Required {
        bare.set_label(Label::Optional);
        features.push(REQUIRED);
    }
    if of.proto3_optional() {
        (bare.proto3_optional, bare.oneof_index) = (None, None);
        features.push(EXPLICIT);
    }
    if of.r#type() == Type::Group {
        bare.set_type(Type::Message);
        features.push(DELIMITED);
    }
    if let Some(packed) = of.options.as_ref().and_then(|options| options.packed) {
        bare.options = None;
        features.push(if packed { PACKED } else { EXPANDED });
    }
    let mut out = bare.encode_to_vec();
    out.extend(len(8, &feature_set(21, &features)));
    out
}

/// Returns options that hold a feature set alone.
fn feature_set(at: u32, features: &[(u32, u64)]) -> Vec<u8> {
    let set: Vec<u8> = features.iter().flat_map(|(name, value)| number(*name, *value)).collect();
    len(at, &set)
}
