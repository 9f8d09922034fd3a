//! Relative links in Markdown lead somewhere.

use std::path::Path;

use crate::workspace::{files_below, shown};

const ELSEWHERE: [&str; 4] = ["http:", "https:", "mailto:", "#"];

pub(super) fn check(root: &Path) -> Vec<String> {
    files_below(root, "md")
        .iter()
        .flat_map(|path| check_file(path))
        .collect()
}

fn check_file(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let folder = path.parent().unwrap_or(path);
    links(&text)
        .into_iter()
        .filter(|link| !folder.join(link).exists())
        .map(|link| format!("{} links to {link}, which does not exist", shown(path)))
        .collect()
}

/// The relative link targets of a Markdown text, without their anchors; code is not looked at.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_fence = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        if !in_fence {
            found.extend(links_of_line(line));
        }
    }
    found
}

fn links_of_line(line: &str) -> impl Iterator<Item = &str> {
    let ends = line.match_indices("](").map(|(at, _)| at + 2);
    let outside_code = ends.filter(|&at| line[..at].matches('`').count().is_multiple_of(2));
    let targets = outside_code.filter_map(|at| line[at..].split([')', ' ']).next());
    let near = targets.filter(|target| !ELSEWHERE.iter().any(|far| target.starts_with(far)));
    near.filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_links_outside_of_code_are_followed() {
        let text = "
[a](docs/a.md) and [b](../b.md#part \"title\"), ![c](c.png)
[web](https://example.org/x.md) [here](#part) `[code](no.md)` [`d`](d.md)
```
[fenced](no.md)
```
[after](e.md)";
        assert_eq!(links(text), ["docs/a.md", "../b.md", "c.png", "d.md", "e.md"]);
    }
}
