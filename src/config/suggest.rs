//! "Did you mean": the key somebody probably had in mind.

use super::shape::{Key, walk};

/// Returns the key that an unknown one was meant to be: the next in spelling, or its namesake in another section, by its path.
pub(super) fn suggestion(unknown: &str, here: &[Key], all: &[Key]) -> Option<String> {
    let near =
        here.iter().map(|key| (distance(&plain(unknown), &plain(&key.name)), key)).min_by_key(|(steps, _)| *steps);
    if let Some((steps, key)) = near
        && steps <= 1 + key.name.len() / 4
    {
        return Some(key.name.clone());
    }
    let mut elsewhere = None;
    walk(all, "", &mut |path, key| {
        if key.name == unknown && elsewhere.is_none() {
            elsewhere = Some(path.to_owned());
        }
    });
    elsewhere
}

/// Case and the signs between words are the commonest slips: `pathStyle`, `path-style`.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', '_', '.'], "")
}

/// Returns how many letters must be put in, left out, exchanged or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let exchanged = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut steps = exchanged.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                steps = steps.min(rows[i - 2][j - 2] + 1);
            }
            row.push(steps);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shape::keys;

    #[test]
    fn slips_find_their_key_and_strangers_none() {
        let keys = keys();
        let said = |unknown: &str| suggestion(unknown, &keys, &keys);
        assert_eq!(said("topic").as_deref(), Some("topics"));
        assert_eq!(said("stopWithin").as_deref(), Some("stop_within"));
        assert_eq!(said("brokers").as_deref(), Some("kafka.brokers"));
        assert_eq!(said("framing").as_deref(), Some("topics[].framing"));
        assert_eq!(said("quux"), None);
    }
}
