//! The tokens of a JSON text without white space between them.
//!
//! A reader of our own, since the texts are our own: `serde_json` stops at 128 levels, and a hundred nested messages make two
//! hundred where they stand in lists or maps.

use std::borrow::Cow;

use super::error::PayloadError;

pub struct Text<'j> {
    all: &'j str,
    at: usize,
}

impl<'j> Text<'j> {
    pub fn new(all: &'j str) -> Text<'j> {
        Text { all, at: 0 }
    }

    pub fn peek(&self) -> Option<u8> {
        self.all.as_bytes().get(self.at).copied()
    }

    /// Passes over `token` if it comes next.
    pub fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    pub fn expect(&mut self, token: &str) -> Result<(), PayloadError> {
        if self.take(token) { Ok(()) } else { Err(self.mark().is_not(token)) }
    }

    /// Passes over `close`, or over the comma before the next member: says whether there is one.
    pub fn more(&mut self, close: &str, first: &mut bool) -> Result<bool, PayloadError> {
        if self.take(close) {
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(",")?;
        }
        Ok(true)
    }

    pub fn end(&self) -> Result<(), PayloadError> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.mark().is_not("the end")) }
    }

    /// Returns the digits, signs, points and exponents that come next, whatever they are together.
    pub fn number(&mut self) -> &'j str {
        let rest = self.rest();
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub fn string(&mut self) -> Result<Cow<'j, str>, PayloadError> {
        self.expect("\"")?;
        let plain = self.plain();
        if self.take("\"") {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        while !self.take("\"") {
            text.push(self.escaped()?);
            text.push_str(self.plain());
        }
        Ok(Cow::Owned(text))
    }

    /// Notes where the text stands, in case what comes next is wrong.
    pub fn mark(&self) -> Mark {
        Mark(self.at)
    }

    fn rest(&self) -> &'j str {
        &self.all[self.at..]
    }

    /// Takes what stands before the next quote, escape or control character.
    fn plain(&mut self) -> &'j str {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn escaped(&mut self) -> Result<char, PayloadError> {
        let (meant, length) = unescaped(self.rest().as_bytes()).ok_or_else(|| self.mark().is_not("text"))?;
        self.at += length;
        Ok(meant)
    }
}

/// A byte of the text.
#[derive(Clone, Copy)]
pub struct Mark(usize);

impl Mark {
    pub fn is_not(self, wanted: &str) -> PayloadError {
        PayloadError::new(format!("byte {} of its JSON is not {wanted}", self.0))
    }
}

/// Returns what the escape at the beginning of `text` stands for, and its length in bytes.
fn unescaped(text: &[u8]) -> Option<(char, usize)> {
    let [b'\\', escape, rest @ ..] = text else { return None };
    let meant = match escape {
        b'"' | b'\\' | b'/' => char::from(*escape),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        // Only control characters are written so.
        b'u' => {
            let digits = std::str::from_utf8(rest.get(..4)?).ok()?;
            return Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, 6));
        }
        _ => return None,
    };
    Some((meant, 2))
}
