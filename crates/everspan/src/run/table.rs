//! Aligned columns.

use super::screen::cut;

const GAP: &str = "  ";

/// The rows below their head, columns aligned; the last column is cut so that lines fit `width`, if there is one.
pub(super) fn table(head: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    let head: Vec<String> = head.iter().map(|&title| title.to_owned()).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    std::iter::once(&head)
        .chain(rows)
        .map(|row| line(row, &widths, width))
        .collect()
}

fn line(row: &[String], widths: &[usize], width: Option<usize>) -> String {
    let mut line = String::new();
    for (column, (cell, &wide)) in row.iter().zip(widths).enumerate() {
        if column + 1 < widths.len() {
            line.push_str(&format!("{cell:<wide$}{GAP}"));
            continue;
        }
        let used = line.chars().count();
        let left = width.map_or(usize::MAX, |width| width.saturating_sub(used).max(12));
        line.push_str(&cut(cell, left));
    }
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_last_one_is_cut() {
        let rows = [
            vec![
                "inv_1".to_owned(),
                "Greeter/greet".to_owned(),
                "the mail server is down today".to_owned(),
            ],
            vec!["inv_22".to_owned(), "C/a".to_owned(), String::new()],
        ];
        let shown = table(&["ID", "TARGET", "LAST ERROR"], &rows, Some(43));
        assert_eq!(
            shown,
            "\
ID      TARGET         LAST ERROR
inv_1   Greeter/greet  the mail server is…
inv_22  C/a
"
        );
    }
}
