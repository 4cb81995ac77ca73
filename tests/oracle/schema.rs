//! Descriptors at random: everything a `.proto` file can say that decides how bytes become columns.

mod maker;

use std::collections::{BTreeMap, BTreeSet};

use alluvium::schema::{Form, MappingOptions};
use prost::Message;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumOptions, EnumValueDescriptorProto, FieldDescriptorProto, FieldOptions,
    FileDescriptorProto, FileDescriptorSet, MessageOptions, OneofDescriptorProto, descriptor_proto::ExtensionRange,
};
use prost_reflect::{DescriptorPool, FileDescriptor, Kind, MessageDescriptor};

use super::choices::Choices;
use super::edition::as_edition;
use super::fields::fields;
use super::wire;

/// The files that every made file imports.
const GOOGLE: [&str; 7] = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"];

pub const KNOWN: [&str; 17] = [
    "Timestamp",
    "Duration",
    "Any",
    "Empty",
    "FieldMask",
    "Struct",
    "Value",
    "ListValue",
    "DoubleValue",
    "FloatValue",
    "Int64Value",
    "UInt64Value",
    "Int32Value",
    "UInt32Value",
    "BoolValue",
    "StringValue",
    "BytesValue",
];

const SCALARS: [Type; 15] = [
    Type::Double,
    Type::Float,
    Type::Int64,
    Type::Uint64,
    Type::Int32,
    Type::Fixed64,
    Type::Fixed32,
    Type::Bool,
    Type::String,
    Type::Bytes,
    Type::Uint32,
    Type::Sfixed32,
    Type::Sfixed64,
    Type::Sint32,
    Type::Sint64,
];

const KEYS: [Type; 12] = [
    Type::String,
    Type::Int64,
    Type::Uint64,
    Type::Int32,
    Type::Fixed64,
    Type::Fixed32,
    Type::Bool,
    Type::Uint32,
    Type::Sfixed32,
    Type::Sfixed64,
    Type::Sint32,
    Type::Sint64,
];

/// Plain names, and those that have to give way.
const NAMES: [&str; 20] = [
    "a",
    "b",
    "c",
    "id",
    "name",
    "value",
    "key",
    "userAgent",
    "UserAgent",
    "A",
    "a_2",
    "dt",
    "hour",
    "Hour",
    "_x",
    "_offset",
    "pick_case",
    "id_number",
    "json",
    "element",
];

/// Where extensions may stand.
const EXTENSIONS: std::ops::Range<i32> = 5_000..5_100;

/// Descriptors, the message of a topic, and what its operator wants otherwise.
pub struct Schema {
    /// The descriptor set for the program.
    pub set: Vec<u8>,
    pub root: String,
    pub options: MappingOptions,
    /// The same types, editions written as proto2 or proto3, with the requested extensions alone.
    pub types: DescriptorPool,
    /// The same again, but `bytes` for text that need not be UTF-8.
    loose: DescriptorPool,
}

impl Schema {
    /// Makes one.
    pub fn random(choices: &mut Choices<'_>) -> Schema {
        let files = maker::made_files(choices);
        let extensions: Vec<String> = files.iter().flat_map(extension_names).collect();
        let wanted: BTreeSet<String> = extensions.into_iter().filter(|_| choices.chance(50)).collect();
        let mut sets: Vec<Vec<u8>> = google().iter().map(Message::encode_to_vec).collect();
        for file in &files {
            sets.push(if choices.chance(40) { as_edition(file) } else { file.encode_to_vec() });
        }
        let set = sets.iter().flat_map(|file| wire::len(1, file)).collect();
        let mut schema =
            Schema::of(set, files, String::new(), MappingOptions { extensions: wanted, ..Default::default() });
        let messages: Vec<String> = schema.made_messages().map(|message| message.full_name().to_owned()).collect();
        schema.root = match choices.below(20) {
            19 => format!("google.protobuf.{}", choices.pick(&KNOWN)),
            _ => choices.pick(&messages).clone(),
        };
        schema.options.recursion = [0, 0, 0, 1, 2][choices.below(5)];
        schema.options.fields = schema.forms(choices);
        schema
    }

    /// Takes a message of a set that is written in proto2 and proto3.
    pub fn fixed(set: &[u8], root: &str) -> Schema {
        let all = FileDescriptorSet::decode(set).expect("a descriptor set").file;
        let files = all.into_iter().filter(|file| file.package() != "google.protobuf").collect();
        Schema::of(set.to_vec(), files, root.to_owned(), MappingOptions::default())
    }

    fn of(set: Vec<u8>, mut files: Vec<FileDescriptorProto>, root: String, options: MappingOptions) -> Schema {
        files.iter_mut().for_each(|file| keep_extensions(file, &options.extensions));
        let types = pool(files.clone());
        files.iter_mut().filter(|file| file.syntax() != "proto3").for_each(loosen_file);
        Schema { set, root, options, types, loose: pool(files) }
    }

    pub fn root(&self) -> MessageDescriptor {
        self.types.get_message_by_name(&self.root).expect("the root is there")
    }

    /// Returns the messages that are not Google's.
    pub fn made_messages(&self) -> impl Iterator<Item = MessageDescriptor> + '_ {
        self.types
            .all_messages()
            .filter(|message| message.package_name() != "google.protobuf" && !message.is_map_entry())
    }

    pub fn loosened(&self, descriptor: &MessageDescriptor) -> MessageDescriptor {
        self.loose.get_message_by_name(descriptor.full_name()).expect("the same types")
    }

    /// Whether some map's key is a text that need not be UTF-8.
    pub fn has_loose_keys(&self) -> bool {
        let loose = |message: &MessageDescriptor| message.parent_file().syntax() != prost_reflect::Syntax::Proto3;
        let key = |message: &MessageDescriptor| {
            message.is_map_entry() && message.map_entry_key_field().kind() == Kind::String
        };
        self.types.all_messages().any(|message| loose(&message) && key(&message))
    }

    /// Returns a type as the layout finds it: in the files that the root and the extensions need.
    pub fn find(&self, name: &str) -> Option<MessageDescriptor> {
        let found = self.types.get_message_by_name(name)?;
        let mut open: Vec<FileDescriptor> = vec![self.root().parent_file()];
        let extensions = self.options.extensions.iter();
        open.extend(extensions.map(|name| self.types.get_extension_by_name(name).expect("it is there").parent_file()));
        while let Some(file) = open.pop() {
            if file == found.parent_file() {
                return Some(found);
            }
            open.extend(file.dependencies());
        }
        None
    }

    /// Asks for other forms of some of the root's columns.
    fn forms(&self, choices: &mut Choices<'_>) -> BTreeMap<String, Form> {
        let mut forms = BTreeMap::new();
        for field in fields(&self.root()) {
            let kind = match field.message() {
                Some(entry) if field.map => entry.map_entry_value_field().kind(),
                _ => field.kind.clone(),
            };
            let kind = match &kind {
                Kind::Message(message) if message.full_name().ends_with("64Value") => {
                    message.get_field(1).map_or(kind.clone(), |field| field.kind())
                }
                _ => kind,
            };
            let fitting = match kind {
                Kind::Uint64 | Kind::Fixed64 => [Form::Bigint, Form::String],
                Kind::Enum(_) => [Form::Int, Form::Both],
                _ => continue,
            };
            if choices.chance(30) {
                forms.insert(field.key, *choices.pick(&fitting));
            }
        }
        forms
    }
}

fn google() -> Vec<FileDescriptorProto> {
    let pool = DescriptorPool::global();
    let file = |name| pool.get_file_by_name(&format!("google/protobuf/{name}.proto")).expect("a well-known file");
    GOOGLE.iter().map(|name| file(*name).file_descriptor_proto().clone()).collect()
}

fn pool(files: Vec<FileDescriptorProto>) -> DescriptorPool {
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_protos(google().into_iter().chain(files)).expect("prost-reflect takes what was made");
    pool
}

fn extension_names(file: &FileDescriptorProto) -> Vec<String> {
    file.extension.iter().map(|extension| format!("{}.{}", file.package(), extension.name())).collect()
}

fn keep_extensions(file: &mut FileDescriptorProto, wanted: &BTreeSet<String>) {
    let package = file.package().to_owned();
    file.extension.retain(|extension| wanted.contains(&format!("{package}.{}", extension.name())));
}

fn loosen_file(file: &mut FileDescriptorProto) {
    file.extension.iter_mut().for_each(loosen_field);
    file.message_type.iter_mut().for_each(loosen_message);
}

fn loosen_message(message: &mut DescriptorProto) {
    let entry = message.options.as_ref().is_some_and(MessageOptions::map_entry);
    message.field.iter_mut().filter(|field| !entry || field.number() != 1).for_each(loosen_field);
    message.nested_type.iter_mut().for_each(loosen_message);
}

fn loosen_field(field: &mut FieldDescriptorProto) {
    if field.r#type() == Type::String {
        field.set_type(Type::Bytes);
    }
}
