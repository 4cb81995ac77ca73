//! Why something gives no payload.

/// Rows, or a JSON text, that this program's decoder did not make: the object is damaged, or its layout is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadError {
    /// Names from the innermost field outwards.
    path: Vec<String>,
    cause: String,
}

pub type Written = Result<(), PayloadError>;

impl PayloadError {
    pub(super) fn new(cause: impl Into<String>) -> PayloadError {
        PayloadError { path: Vec::new(), cause: cause.into() }
    }

    /// Notes the field around the place, on the way out of a message.
    pub(super) fn inside(mut self, name: &str) -> PayloadError {
        self.path.push(name.to_owned());
        self
    }
}

impl std::error::Error for PayloadError {}

impl std::fmt::Display for PayloadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            let names: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
            write!(f, "{}: ", names.join("."))?;
        }
        f.write_str(&self.cause)
    }
}
