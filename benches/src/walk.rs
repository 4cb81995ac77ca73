//! The floor: every tag and length of a payload, and nothing made of it.

use prost_reflect::{Kind, MessageDescriptor};

/// Which fields of each message are messages, so that the walk goes into them.
pub struct Walk {
    /// By message, then field number: the message that stands there.
    messages: Vec<Vec<Option<usize>>>,
    names: Vec<String>,
}

impl Walk {
    pub fn new(root: &MessageDescriptor) -> Walk {
        let mut walk = Walk { messages: Vec::new(), names: Vec::new() };
        walk.add(root);
        walk
    }

    fn add(&mut self, message: &MessageDescriptor) -> usize {
        if let Some(known) = self.names.iter().position(|name| name == message.full_name()) {
            return known;
        }
        let index = self.names.len();
        self.names.push(message.full_name().to_owned());
        self.messages.push(Vec::new());
        for field in message.fields() {
            let inner = match field.kind() {
                Kind::Message(inner) => Some(self.add(&inner)),
                _ => None,
            };
            let number = field.number() as usize;
            let fields = &mut self.messages[index];
            fields.resize(fields.len().max(number + 1), None);
            fields[number] = inner;
        }
        index
    }

    /// Returns the number of fields met.
    pub fn fields(&self, payload: &[u8]) -> usize {
        self.message(0, payload)
    }

    fn message(&self, index: usize, mut rest: &[u8]) -> usize {
        let mut met = 0;
        while !rest.is_empty() {
            let tag = varint(&mut rest);
            met += 1;
            match tag & 7 {
                0 => {
                    varint(&mut rest);
                }
                1 => rest = &rest[8..],
                2 => {
                    let length = varint(&mut rest) as usize;
                    let (block, behind) = rest.split_at(length);
                    rest = behind;
                    if let Some(inner) = self.messages[index][tag as usize >> 3] {
                        met += self.message(inner, block);
                    }
                }
                _ => rest = &rest[4..],
            }
        }
        met
    }
}

fn varint(rest: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, behind) = rest.split_first().expect("the corpus is whole");
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}
