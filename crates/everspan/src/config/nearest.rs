//! The known name somebody probably meant.

/// The candidate nearest to `wanted`, if one is near enough to be worth proposing.
///
/// Near is an edit distance of at most a third of the name, or the same last part after a `.` or `__`
/// (`bind-address` for `ingress.bind-address`).
pub(super) fn nearest(wanted: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let farthest = (wanted.len() / 3).max(1);
    candidates
        .map(|name| {
            let distance = edit_distance(wanted, &name);
            let score = if leaf(wanted) == leaf(&name) {
                distance.min(1)
            } else {
                distance
            };
            (score, distance, name)
        })
        .filter(|(score, ..)| *score <= farthest)
        .min_by_key(|(score, distance, _)| (*score, *distance))
        .map(|(_, _, name)| name)
}

fn leaf(name: &str) -> &str {
    let after_dot = name.rsplit('.').next().unwrap_or(name);
    let stem = after_dot
        .trim_start_matches("EVERSPAN_")
        .trim_start_matches("RESTATE_");
    stem.rsplit("__").next().unwrap_or(stem)
}

/// Levenshtein distance in characters, one row at a time.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_met_with_the_name_that_was_meant() {
        let known = [
            "base-dir",
            "ingress.bind-address",
            "admin.bind-address",
            "tracing-endpoint",
        ];
        for (wanted, meant) in [
            ("basedir", Some("base-dir")),
            ("bind-address", Some("admin.bind-address")),
            ("ingres.bind-address", Some("ingress.bind-address")),
            ("admn.bind-address", Some("admin.bind-address")),
            ("tracing.endpoint", Some("tracing-endpoint")),
            ("bifrost.default-provider", None),
            ("x", None),
        ] {
            let found = nearest(wanted, known.iter().map(|name| (*name).to_owned()));
            assert_eq!(found.as_deref(), meant, "{wanted}");
        }
    }
}
