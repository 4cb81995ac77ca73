//! Fields and extensions of a message in one form.

use prost_reflect::{
    Cardinality, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
};

use super::wire::{FIXED32, FIXED64, GROUP, LEN, VARINT};

#[derive(Clone, Debug)]
pub struct Field {
    pub number: u32,
    pub name: String,
    /// What it is called in JSON and on paths.
    pub key: String,
    pub kind: Kind,
    pub list: bool,
    pub map: bool,
    pub packed: bool,
    pub group: bool,
    pub presence: bool,
    pub required: bool,
    /// Not the one behind proto3's `optional`.
    pub oneof: Option<OneofDescriptor>,
    pub extension: Option<ExtensionDescriptor>,
}

impl Field {
    fn declared(field: &FieldDescriptor) -> Field {
        Field {
            number: field.number(),
            name: field.name().to_owned(),
            key: field.name().to_owned(),
            kind: field.kind(),
            list: field.is_list(),
            map: field.is_map(),
            packed: field.is_packed(),
            group: field.is_group(),
            presence: field.supports_presence(),
            required: field.cardinality() == Cardinality::Required,
            oneof: field.containing_oneof().filter(|oneof| !oneof.is_synthetic()),
            extension: None,
        }
    }

    fn extension(field: &ExtensionDescriptor) -> Field {
        Field {
            number: field.number(),
            name: field.name().to_owned(),
            key: format!("[{}]", field.full_name()),
            kind: field.kind(),
            list: field.is_list(),
            map: false,
            packed: field.is_packed(),
            group: field.is_group(),
            presence: field.supports_presence(),
            required: false,
            oneof: None,
            extension: Some(field.clone()),
        }
    }

    /// The wire type of one value.
    pub fn wire(&self) -> u8 {
        match self.kind {
            _ if self.group => GROUP,
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => FIXED64,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => FIXED32,
            Kind::String | Kind::Bytes | Kind::Message(_) => LEN,
            _ => VARINT,
        }
    }

    pub fn packable(&self) -> bool {
        self.list && [VARINT, FIXED32, FIXED64].contains(&self.wire())
    }

    pub fn message(&self) -> Option<MessageDescriptor> {
        match &self.kind {
            Kind::Message(message) => Some(message.clone()),
            _ => None,
        }
    }
}

/// Returns a message's fields as declared, then its extensions by number.
pub fn fields(of: &MessageDescriptor) -> Vec<Field> {
    let declared = of.descriptor_proto().field.iter();
    let declared = declared.map(|field| of.get_field(field.number() as u32).expect("a field of the message's own"));
    let mut extensions: Vec<Field> = of.extensions().map(|field| Field::extension(&field)).collect();
    extensions.sort_by_key(|field| field.number);
    declared.map(|field| Field::declared(&field)).chain(extensions).collect()
}

pub fn field(of: &MessageDescriptor, number: u32) -> Option<Field> {
    let declared = of.get_field(number).map(|field| Field::declared(&field));
    declared.or_else(|| of.get_extension(number).map(|field| Field::extension(&field)))
}

/// Returns the first declared name of an enum's number.
pub fn enum_name(of: &EnumDescriptor, number: i32) -> Option<&str> {
    let mut values = of.enum_descriptor_proto().value.iter();
    values.find(|value| value.number() == number).map(|value| value.name())
}
