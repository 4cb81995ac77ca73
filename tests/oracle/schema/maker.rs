//! Descriptors in the making.

use super::*;

/// One message in the making.
struct Made {
    proto: DescriptorProto,
    full: String,
    file: usize,
    parent: Option<usize>,
}

struct Maker<'c, 'b> {
    choices: &'c mut Choices<'b>,
    files: Vec<FileDescriptorProto>,
    made: Vec<Made>,
    enums: Vec<(usize, String, bool)>,
}

pub(super) fn made_files(choices: &mut Choices<'_>) -> Vec<FileDescriptorProto> {
    let mut maker = Maker { choices, files: Vec::new(), made: Vec::new(), enums: Vec::new() };
    for at in 0..1 + maker.choices.below(2) {
        maker.declare(at);
    }
    for at in 0..maker.made.len() {
        maker.fill(at);
    }
    maker.extend();
    maker.finish()
}

impl Maker<'_, '_> {
    fn proto3(&self, file: usize) -> bool {
        self.files[file].syntax() == "proto3"
    }

    /// Begins a file, names its messages and makes its enums.
    fn declare(&mut self, at: usize) {
        let package = format!("made.{}", ["a", "b"][at]);
        let mut dependency: Vec<String> = GOOGLE.iter().map(|name| format!("google/protobuf/{name}.proto")).collect();
        dependency.extend((at > 0).then(|| "made/a.proto".to_owned()));
        let name = format!("made/{}.proto", ["a", "b"][at]);
        let syntax = *self.choices.pick(&["proto3", "proto2"]);
        self.files.push(FileDescriptorProto {
            name: Some(name),
            package: Some(package.clone()),
            dependency,
            syntax: Some(syntax.to_owned()),
            ..Default::default()
        });
        let first = self.made.len();
        for number in 0..1 + self.choices.below(4) {
            let parent = (number > 0 && self.choices.chance(30)).then(|| first + self.choices.below(number));
            let name = format!("M{number}");
            let scope = parent.map_or(package.clone(), |parent| self.made[parent].full.clone());
            let proto = DescriptorProto { name: Some(name.clone()), ..Default::default() };
            self.made.push(Made { proto, full: format!("{scope}.{name}"), file: at, parent });
        }
        for number in 0..1 + self.choices.below(2) {
            let inside = self.choices.chance(30);
            let one = self.enumeration(at, number);
            let scope = if inside { self.made[first].full.clone() } else { package.clone() };
            let zero = one.value[0].number() == 0;
            self.enums.push((at, format!("{scope}.{}", one.name()), zero));
            if inside {
                self.made[first].proto.enum_type.push(one);
            } else {
                self.files[at].enum_type.push(one);
            }
        }
    }

    fn enumeration(&mut self, file: usize, number: usize) -> EnumDescriptorProto {
        let mut numbers: Vec<i32> = Vec::new();
        if self.proto3(file) || self.choices.chance(70) {
            numbers.push(0);
        }
        for _ in 0..1 + self.choices.below(5) {
            numbers.push(*self.choices.pick(&[1, 2, 3, -1, 127, 128, i32::MAX, i32::MIN]));
        }
        let distinct: BTreeSet<_> = numbers.iter().collect();
        let options =
            (distinct.len() < numbers.len()).then(|| EnumOptions { allow_alias: Some(true), ..Default::default() });
        let value = numbers.iter().enumerate().map(|(at, value)| EnumValueDescriptorProto {
            name: Some(format!("E{number}_{at}")),
            number: Some(*value),
            ..Default::default()
        });
        EnumDescriptorProto { name: Some(format!("E{number}")), value: value.collect(), options, ..Default::default() }
    }

    fn fill(&mut self, at: usize) {
        let (file, mut taken) = (self.made[at].file, Taken::default());
        let proto3 = self.proto3(file);
        if !proto3 {
            let range = ExtensionRange { start: Some(EXTENSIONS.start), end: Some(EXTENSIONS.end), options: None };
            self.made[at].proto.extension_range.push(range);
        }
        let mut oneofs: Vec<String> = Vec::new();
        let mut optional: Vec<usize> = Vec::new();
        for _ in 0..self.choices.below(11) {
            let mut field = self.field(at, &mut taken);
            match self.choices.below(10) {
                0..=2 => field.set_label(Label::Repeated),
                3 | 4 => {
                    // Members of two oneofs may stand among each other.
                    let oneof = self.choices.below(2);
                    while oneofs.len() <= oneof {
                        oneofs.push(["pick", "Kind"][oneofs.len()].to_owned());
                    }
                    field.oneof_index = Some(oneof as i32);
                }
                5 if !proto3 && field.r#type() != Type::Message && field.r#type() != Type::Group => {
                    field.set_label(Label::Required);
                }
                5 | 6 if proto3 => optional.push(self.made[at].proto.field.len()),
                _ => {}
            }
            self.packing(&mut field);
            self.default(&mut field, proto3);
            self.made[at].proto.field.push(field);
        }
        for _ in 0..self.choices.below(3) {
            let field = self.map_field(at, &mut taken);
            self.made[at].proto.field.push(field);
        }
        let members = |oneof: usize, proto: &DescriptorProto| {
            proto.field.iter().any(|field| field.oneof_index == Some(oneof as i32))
        };
        // A oneof without members is no protobuf.
        if oneofs.len() == 2 && !members(0, &self.made[at].proto) {
            oneofs.remove(0);
            self.made[at].proto.field.iter_mut().for_each(|field| field.oneof_index = field.oneof_index.map(|_| 0));
        }
        for field in optional {
            let proto = &mut self.made[at].proto;
            proto.field[field].oneof_index = Some(oneofs.len() as i32);
            proto.field[field].proto3_optional = Some(true);
            oneofs.push(format!("_{}_", proto.field[field].name()));
        }
        self.made[at].proto.oneof_decl =
            oneofs.into_iter().map(|name| OneofDescriptorProto { name: Some(name), options: None }).collect();
    }

    /// Makes a singular field, or a group with its message.
    fn field(&mut self, at: usize, taken: &mut Taken) -> FieldDescriptorProto {
        let proto3 = self.proto3(self.made[at].file);
        let number = taken.number(self.choices);
        let name = taken.name(self.choices, proto3, number);
        let mut field = self.typed(at);
        if !proto3 && self.choices.chance(8) {
            let group = format!("G{number}");
            field.set_type(Type::Group);
            field.type_name = Some(format!(".{}.{group}", self.made[at].full));
            let mut inner = Taken::default();
            let fields = (0..self.choices.below(4)).map(|_| {
                let number = inner.number(self.choices);
                let name = inner.name(self.choices, false, number);
                FieldDescriptorProto { name: Some(name), number: Some(number), ..self.typed(at) }
            });
            let field = fields.collect();
            self.made[at].proto.nested_type.push(DescriptorProto { name: Some(group), field, ..Default::default() });
        }
        FieldDescriptorProto { name: Some(name), number: Some(number), ..field }
    }

    fn map_field(&mut self, at: usize, taken: &mut Taken) -> FieldDescriptorProto {
        let proto3 = self.proto3(self.made[at].file);
        let number = taken.number(self.choices);
        let name = taken.name(self.choices, proto3, number);
        let entry = format!("F{number}Entry");
        let mut key = FieldDescriptorProto { name: Some("key".into()), number: Some(1), ..Default::default() };
        key.set_label(Label::Optional);
        key.set_type(*self.choices.pick(&KEYS));
        let mut value = self.typed(at);
        // What a missing value is has to be 0.
        if self.enums.iter().any(|(_, name, zero)| format!(".{name}") == value.type_name() && !zero) {
            value.set_type(Type::Int32);
            value.type_name = None;
        }
        value.name = Some("value".into());
        value.number = Some(2);
        self.made[at].proto.nested_type.push(DescriptorProto {
            name: Some(entry.clone()),
            field: vec![key, value],
            options: Some(MessageOptions { map_entry: Some(true), ..Default::default() }),
            ..Default::default()
        });
        let mut field = FieldDescriptorProto {
            name: Some(name),
            number: Some(number),
            type_name: Some(format!(".{}.{entry}", self.made[at].full)),
            ..Default::default()
        };
        field.set_label(Label::Repeated);
        field.set_type(Type::Message);
        field
    }

    /// Makes a field of some type that the message may name.
    fn typed(&mut self, at: usize) -> FieldDescriptorProto {
        let mut field = FieldDescriptorProto::default();
        field.set_label(Label::Optional);
        let file = self.made[at].file;
        match self.choices.below(16) {
            0..=9 => field.set_type(*self.choices.pick(&SCALARS)),
            10 => {
                let of: Vec<String> =
                    self.enums.iter().filter(|(of, ..)| *of == file).map(|(_, name, _)| name.clone()).collect();
                field.set_type(Type::Enum);
                field.type_name = Some(format!(".{}", self.choices.pick(&of)));
            }
            11 | 12 => {
                let of: Vec<String> =
                    self.made.iter().filter(|made| made.file <= file).map(|made| made.full.clone()).collect();
                field.set_type(Type::Message);
                field.type_name = Some(format!(".{}", self.choices.pick(&of)));
            }
            _ => {
                field.set_type(Type::Message);
                field.type_name = Some(format!(".google.protobuf.{}", self.choices.pick(&KNOWN)));
            }
        }
        field
    }

    fn packing(&mut self, field: &mut FieldDescriptorProto) {
        let long = [Type::String, Type::Bytes, Type::Message, Type::Group].contains(&field.r#type());
        if field.label() == Label::Repeated && !long && self.choices.chance(50) {
            let packed = Some(self.choices.chance(50));
            field.options = Some(FieldOptions { packed, ..Default::default() });
        }
    }

    fn default(&mut self, field: &mut FieldDescriptorProto, proto3: bool) {
        let text = match field.r#type() {
            _ if proto3 || field.label() == Label::Repeated => return,
            Type::String | Type::Bytes => "declared",
            Type::Bool => "true",
            Type::Double | Type::Float => "-1.5",
            Type::Message | Type::Group | Type::Enum => return,
            _ => "7",
        };
        if self.choices.chance(20) {
            field.default_value = Some(text.to_owned());
        }
    }

    /// Adds extensions of messages that take some.
    fn extend(&mut self) {
        let extensible: Vec<usize> = (0..self.made.len()).filter(|at| !self.proto3(self.made[*at].file)).collect();
        if extensible.is_empty() {
            return;
        }
        let last = self.files.len() - 1;
        for extra in 0..self.choices.below(4) {
            let extendee = *self.choices.pick(&extensible);
            // The last message of the last file sees all types.
            let mut field = self.typed(self.made.len() - 1);
            if self.choices.chance(30) {
                field.set_label(Label::Repeated);
            }
            self.packing(&mut field);
            field.name = Some(format!("{}{extra}", self.choices.pick(&["x", "Extra_", "_e"])));
            field.number = Some(EXTENSIONS.start + extra as i32);
            field.extendee = Some(format!(".{}", self.made[extendee].full));
            self.files[last].extension.push(field);
        }
    }

    fn finish(mut self) -> Vec<FileDescriptorProto> {
        while let Some(made) = self.made.pop() {
            let into = match made.parent {
                Some(parent) => &mut self.made[parent].proto.nested_type,
                None => &mut self.files[made.file].message_type,
            };
            into.push(made.proto);
        }
        self.files
    }
}

/// The names and numbers of a message's fields.
#[derive(Default)]
struct Taken {
    names: BTreeSet<String>,
    numbers: BTreeSet<i32>,
}

impl Taken {
    fn number(&mut self, choices: &mut Choices<'_>) -> i32 {
        let mut number = match choices.below(8) {
            0..=4 => 1 + choices.below(18) as i32,
            5 => 2_040 + choices.below(16) as i32,
            6 => 19_000 - 1 - choices.below(200) as i32,
            _ => *choices.pick(&[536_870_911, 536_870_910, 20_000, 65_535, 262_143, 262_144]),
        };
        while !self.numbers.insert(number) {
            number = if number == 536_870_911 { 100 } else { number + 1 };
            if number == 19_000 {
                number = 200;
            }
        }
        number
    }

    fn name(&mut self, choices: &mut Choices<'_>, proto3: bool, number: i32) -> String {
        let name = *choices.pick(&NAMES);
        // proto3 wants names apart in JSON, too.
        let same = |name: &str| {
            if proto3 { name.replace('_', "").to_ascii_lowercase() } else { name.to_owned() }
        };
        let name = if self.names.contains(&same(name)) { format!("{name}_{number}n") } else { name.to_owned() };
        self.names.insert(same(&name));
        name
    }
}
