//! What is shown to people: lines with a name in front.

use std::fmt::{Display, Write};

#[derive(Default)]
pub(super) struct Words {
    text: String,
}

impl Words {
    pub fn line(&mut self, name: &str, value: impl Display) {
        writeln!(self.text, "{name:<13} {value}").expect("a string takes it");
    }

    pub fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub fn into_text(self) -> String {
        self.text
    }
}
