//! What is wrong in a file, where, and how it is told.

use std::collections::BTreeSet;
use std::fmt;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::mask::{masked, without};
use super::spans::{Places, Span};

/// What kind of mistake it is; `check` reports the two in stages of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The file cannot be read as a configuration: syntax, unknown keys, wrong types.
    Form,
    /// The file can be read, and what it says cannot be done.
    Meaning,
}

/// One mistake. Its texts never repeat a value of the file or of the environment: the snippet shows what may be shown.
#[derive(Clone, Debug)]
pub struct Mistake {
    pub kind: Kind,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: String,
    labels: Vec<(Span, String)>,
}

impl Mistake {
    pub(super) fn new(kind: Kind, what: impl Into<String>, help: impl Into<String>) -> Mistake {
        Mistake { kind, what: what.into(), help: help.into(), labels: Vec::new() }
    }

    /// Points at a place. The first place is the mistake's own.
    pub(super) fn at(mut self, span: Span, label: impl Into<String>) -> Mistake {
        self.labels.push((span, label.into()));
        self
    }

    fn start(&self) -> Option<usize> {
        self.labels.first().map(|(span, _)| span.start)
    }
}

/// Something odd that does not keep the file from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub what: String,
    /// Line and column, both counted from one.
    pub place: (usize, usize),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.place.0, self.place.1, self.what)
    }
}

/// Everything found while a file is read, and where each key of it stands.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<(Span, String)>,
    pub places: Places,
    /// What no snippet may show, though its name does not tell that it is a secret.
    pub hidden: Vec<Span>,
    mistaken: BTreeSet<String>,
}

impl Findings {
    pub fn note_place(&mut self, path: &str, span: Span) {
        self.places.note(path, span);
    }

    pub fn place(&self, path: &str) -> Span {
        self.places.of(path)
    }

    pub fn has(&self, path: &str) -> bool {
        self.places.has(path)
    }

    /// Takes note that the key at `path` has been reported.
    pub fn mark(&mut self, path: &str) {
        self.mistaken.insert(path.to_owned());
    }

    /// Reports a mistake of the key at `path`.
    pub fn mistake(&mut self, path: &str, mistake: Mistake) {
        self.mark(path);
        self.mistakes.push(mistake);
    }

    /// Whether the key, or one it is part of, has been reported: rules that need its value say nothing then.
    pub fn is_mistaken(&self, path: &str) -> bool {
        let within =
            |bad: &String| path.strip_prefix(bad.as_str()).is_some_and(|r| r.is_empty() || r.starts_with(['.', '[']));
        self.mistaken.iter().any(within)
    }
}

/// Every mistake of one file. Displays as the whole report, without colour.
#[derive(Debug)]
pub struct ConfigErrors {
    file: String,
    /// With secrets masked, byte for byte as long as the file.
    source: String,
    mistakes: Vec<Mistake>,
}

impl ConfigErrors {
    pub(super) fn new(file: &str, source: &str, hidden: &[Span], mut mistakes: Vec<Mistake>) -> ConfigErrors {
        mistakes.sort_by_key(Mistake::start);
        ConfigErrors { file: file.to_owned(), source: masked(&without(source, hidden)), mistakes }
    }

    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Returns the line and column of a mistake, both counted from one; nothing where the file could not even be read.
    pub fn place(&self, mistake: &Mistake) -> Option<(usize, usize)> {
        mistake.start().map(|at| line_and_column(&self.source, at))
    }

    /// Returns the whole report as a terminal shows it.
    pub fn coloured(&self) -> String {
        self.render(GraphicalTheme::unicode())
    }

    fn render(&self, theme: GraphicalTheme) -> String {
        let handler = GraphicalReportHandler::new_themed(theme).with_width(120).with_links(false);
        let source = NamedSource::new(&self.file, self.source.clone());
        let mut report = String::new();
        for mistake in &self.mistakes {
            let shown = Shown { mistake, source: &source, file: &self.file };
            handler.render_report(&mut report, &shown).expect("a String takes everything");
            report.push('\n');
        }
        // Masked lines end in blanks.
        let mut report: String = report.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
        let mistakes = self.mistakes.len();
        report += &format!("{}: {mistakes} mistake{}", self.file, if mistakes == 1 { "" } else { "s" });
        report
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(GraphicalTheme::unicode_nocolor()))
    }
}

impl std::error::Error for ConfigErrors {}

/// Returns line and column, counted from one, of a byte of the source.
pub(super) fn line_and_column(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at).unwrap_or(source);
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}

/// A mistake together with the file, in the form the reporter wants.
#[derive(Debug)]
struct Shown<'a> {
    mistake: &'a Mistake,
    source: &'a NamedSource<String>,
    file: &'a str,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistake.labels.is_empty() {
            true => write!(f, "{}: {}", self.file, self.mistake.what),
            false => f.write_str(&self.mistake.what),
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.mistake.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.mistake.labels.is_empty()).then_some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = |(index, (span, text)): (usize, &(Span, String))| match index {
            0 => LabeledSpan::new_primary_with_span(Some(text.clone()), span.clone()),
            _ => LabeledSpan::new_with_span(Some(text.clone()), span.clone()),
        };
        Some(Box::new(self.mistake.labels.iter().enumerate().map(label)))
    }
}
