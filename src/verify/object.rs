//! Whether an object is the one its cut names. Pure.

use super::finding::FindingKind;
use crate::chain::{Cut, CutObject, LostObject, ObjectName, cut_key};
use crate::domain::{Digest, OffsetRange};
use crate::encode::Footer;
use crate::walk::Unproven;

/// What was seen at an object's key, as far as was looked.
#[derive(Debug)]
pub enum Sight {
    Absent,
    /// It is there; nothing of it was read.
    Present,
    Footer(Result<Box<Footer>, String>),
    /// Footer right, rows read.
    Rows(Result<(), Unproven>),
}

/// What is wrong with an object, if anything. Its absence is for the caller to judge.
pub type Fault = Option<(FindingKind, String)>;

/// The pairs of rows and digest of which an object must have one. Whoever wrote a loss record may have been overtaken by one who
/// could still write the whole object.
pub fn expected(object: &CutObject, lost: &[&LostObject]) -> Vec<(u64, Digest)> {
    let whole = (object.rows, object.digest);
    std::iter::once(whole).chain(lost.iter().map(|lost| (lost.found, lost.digest))).collect()
}

/// Returns what loss records say of an object.
pub fn said_of<'l>(object: &CutObject, lost: &'l [LostObject]) -> Vec<&'l LostObject> {
    lost.iter().filter(|lost| lost.key == object.key).collect()
}

/// Checks the name a cut gives an object.
pub fn judge_name(cut: &Cut, object: &CutObject) -> Fault {
    let right = ObjectName::parse(&object.key).is_some_and(|name| {
        (name.kind, name.hour, name.partition, name.first) == (object.kind, object.hour, cut.partition, cut.first)
            && name.topic_id == cut.topic_id.short()
    });
    (!right).then(|| (FindingKind::ContradictoryCut, format!("it names {}, which is no object of its own", object.key)))
}

/// Judges what was seen of an object that is there.
pub fn judge_object(cut: &Cut, object: &CutObject, lost: &[&LostObject], sight: &Sight) -> Fault {
    match sight {
        Sight::Absent | Sight::Present | Sight::Rows(Ok(())) => None,
        Sight::Footer(Err(cause)) => Some((FindingKind::UnreadableObject, cause.clone())),
        Sight::Footer(Ok(footer)) => judge_footer(cut, object, lost, footer),
        // The layout itself is a finding, once.
        Sight::Rows(Err(Unproven::Layout(_))) => None,
        Sight::Rows(Err(Unproven::Unreadable(cause))) => Some((FindingKind::UnreadableObject, cause.clone())),
        Sight::Rows(Err(Unproven::Wrong(cause))) => Some((FindingKind::WrongRecords, cause.clone())),
    }
}

/// Compares a footer with what the cut says of its object.
pub fn judge_footer(cut: &Cut, object: &CutObject, lost: &[&LostObject], footer: &Footer) -> Fault {
    let mut differs = Vec::new();
    let mut compare = |what: &str, found: String, named: String| {
        if found != named {
            differs.push(format!("{what} {found}, not {named}"));
        }
    };
    let key = cut_key(&cut.chain(), cut.first);
    if footer.cut_key != key {
        let of = &footer.cut_key;
        return Some((FindingKind::WrongObject, format!("its footer says that it is an object of {of}, not of {key}")));
    }
    compare("topic id", footer.topic_id.to_string(), cut.topic_id.to_string());
    compare("partition", footer.partition.to_string(), cut.partition.to_string());
    compare("cut", footer.cut.to_string(), cut.range().to_string());
    compare("nonce", footer.nonce.clone(), cut.nonce.clone());
    compare("kind", format!("{:?}", footer.kind), format!("{:?}", object.kind));
    compare("hour", footer.hour.to_string(), object.hour.to_string());
    compare("layout", footer.layout.to_string(), cut.layout.map(|layout| layout.to_string()).unwrap_or_default());
    let whole = (footer.rows, footer.digest) == (object.rows, object.digest);
    // What is left after a loss has a span of its own.
    if whole || !expected(object, lost).contains(&(footer.rows, footer.digest)) {
        compare("rows", footer.rows.to_string(), object.rows.to_string());
        compare("digest", footer.digest.to_string(), object.digest.to_string());
        compare("offsets", footer.span.to_string(), format!("{}..{}", object.first, object.next));
    } else if !OffsetRange::new(object.first, object.next).is_some_and(|span| span.encloses(footer.span)) {
        compare("offsets", footer.span.to_string(), format!("within {}..{}", object.first, object.next));
    }
    (!differs.is_empty()).then(|| (FindingKind::WrongObject, format!("its footer says {}", differs.join("; "))))
}
