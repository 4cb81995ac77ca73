//! The gate table: what was measured, against what, and whether it is good enough.

use serde::Serialize;

/// A figure that a `must` asks for may be missed by this share before it fails: machines are noisy.
const MARGIN: f64 = 0.15;

/// What a figure is compared with; with `must` and `aim` where it is a gate.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The reference takes so many times what we take, or more.
    Faster(Option<Bars>),
    /// We take so large a part of what the reference takes, or less.
    AtMost(Option<Bars>),
    /// Our figure is so much or less, whatever others take.
    Limit(Bars),
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bars {
    pub must: f64,
    pub aim: f64,
}

impl Goal {
    fn bars(self) -> Option<Bars> {
        match self {
            Goal::Faster(bars) | Goal::AtMost(bars) => bars,
            Goal::Limit(bars) => Some(bars),
        }
    }
}

pub fn faster(must: f64, aim: f64) -> Goal {
    Goal::Faster(Some(Bars { must, aim }))
}

pub fn at_most(must: f64, aim: f64) -> Goal {
    Goal::AtMost(Some(Bars { must, aim }))
}

pub fn limit(must: f64, aim: f64) -> Goal {
    Goal::Limit(Bars { must, aim })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Aim,
    Must,
    /// Missed, but within the margin.
    Close,
    Missed,
    /// There is no goal.
    Known,
}

/// One line.
#[derive(Debug, Serialize)]
pub struct Row {
    pub area: &'static str,
    pub what: String,
    pub against: &'static str,
    pub unit: &'static str,
    pub ours: f64,
    /// Nothing where our own figure is limited.
    pub reference: Option<f64>,
    pub goal: Goal,
}

impl Row {
    /// Returns what the goal speaks of: a ratio, or our figure.
    fn figure(&self) -> f64 {
        match (self.goal, self.reference) {
            (Goal::Faster(_), Some(reference)) => reference / self.ours,
            (Goal::AtMost(_), Some(reference)) => self.ours / reference,
            (_, _) => self.ours,
        }
    }

    pub fn verdict(&self) -> Verdict {
        let Some(Bars { must, aim }) = self.goal.bars() else { return Verdict::Known };
        // So that more is better in any case.
        let (figure, must, aim) = match self.goal {
            Goal::Faster(_) => (self.figure(), must, aim),
            Goal::AtMost(_) | Goal::Limit(_) => (1.0 / self.figure(), 1.0 / must, 1.0 / aim),
        };
        match figure {
            figure if figure >= aim => Verdict::Aim,
            figure if figure >= must => Verdict::Must,
            figure if figure >= must * (1.0 - MARGIN) => Verdict::Close,
            _ => Verdict::Missed,
        }
    }
}

/// Prints the table as Markdown, as `docs/performance.md` has it.
pub fn print(rows: &[Row]) {
    println!("| area | what | ours | against | theirs | unit | ratio | must | aim | verdict |");
    println!("|---|---|--:|---|--:|---|--:|--:|--:|---|");
    for row in rows {
        let (sign, unit) = match row.goal {
            Goal::Faster(_) => ("≥", "×"),
            Goal::AtMost(_) => ("≤", "×"),
            Goal::Limit(_) => ("≤", ""),
        };
        let bars = row.goal.bars();
        let must = bars.map(|bars| format!("{sign} {}{unit}", bars.must)).unwrap_or_default();
        let aim = bars.map(|bars| format!("{}{unit}", bars.aim)).unwrap_or_default();
        let ratio = row.reference.map(|_| format!("{:.2}×", row.figure())).unwrap_or_default();
        let reference = row.reference.map(number).unwrap_or_default();
        let verdict = match row.verdict() {
            Verdict::Aim => "aim",
            Verdict::Must => "must",
            Verdict::Close => "close",
            Verdict::Missed => "MISSED",
            Verdict::Known => "",
        };
        let Row { area, what, against, unit, .. } = row;
        let ours = number(row.ours);
        println!(
            "| {area} | {what} | {ours} | {against} | {reference} | {unit} | {ratio} | {must} | {aim} | {verdict} |"
        );
    }
}

fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ours: f64, reference: Option<f64>, goal: Goal) -> Verdict {
        Row { area: "", what: String::new(), against: "", unit: "", ours, reference, goal }.verdict()
    }

    #[test]
    fn a_goal_is_missed_only_beyond_the_margin() {
        let faster = faster(3.0, 5.0);
        for (reference, wanted) in
            [(5.0, Verdict::Aim), (3.0, Verdict::Must), (2.6, Verdict::Close), (2.5, Verdict::Missed)]
        {
            assert_eq!(verdict(1.0, Some(reference), faster), wanted);
        }
        let at_most = at_most(0.5, 0.25);
        for (ours, wanted) in
            [(0.2, Verdict::Aim), (0.5, Verdict::Must), (0.57, Verdict::Close), (0.6, Verdict::Missed)]
        {
            assert_eq!(verdict(ours, Some(1.0), at_most), wanted);
            assert_eq!(verdict(ours, None, limit(0.5, 0.25)), wanted);
        }
        assert_eq!(verdict(1.0, Some(1.0), Goal::AtMost(None)), Verdict::Known);
    }
}
