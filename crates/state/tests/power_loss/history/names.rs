//! The names below the recording's root, as the running writer sees them.

use std::collections::BTreeMap;

use super::{Node, ROOT};

pub(super) struct Names {
    /// Absolute, without a link in it.
    root: String,
    /// Paths relative to the root; the root itself is the empty path.
    nodes: BTreeMap<String, Node>,
}

impl Names {
    pub(super) fn new(root: &str) -> Self {
        Self {
            root: root.to_owned(),
            nodes: BTreeMap::from([(String::new(), ROOT)]),
        }
    }

    /// The part of an absolute path behind the root, `None` for a path elsewhere.
    pub(super) fn below_root(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(&self.root)?;
        let known = rest.is_empty() || rest.starts_with('/');
        known.then(|| rest.trim_matches('/').to_owned())
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.below_root(path).is_some()
    }

    pub(super) fn find(&self, path: &str) -> Option<Node> {
        self.nodes.get(path).copied()
    }

    /// Gives `node` the name `path`; returns the directory it is in and its name there.
    pub(super) fn link(&mut self, path: &str, node: Node, directory: bool) -> (Node, String) {
        let replaced = self.nodes.insert(path.to_owned(), node);
        assert!(
            replaced.is_none() || !directory,
            "{path}: a directory replaces another"
        );
        self.split(path)
    }

    /// Takes the name `path` away; returns the directory it was in, its name there and whose name it was.
    pub(super) fn unlink(&mut self, path: &str) -> (Node, String, Node) {
        let below = format!("{path}/");
        assert!(
            !self.nodes.keys().any(|path| path.starts_with(&below)),
            "{path} is not empty"
        );
        let node = self
            .nodes
            .remove(path)
            .unwrap_or_else(|| panic!("{path} was never created"));
        let (parent, name) = self.split(path);
        (parent, name, node)
    }

    fn split(&self, path: &str) -> (Node, String) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self
            .find(parent)
            .unwrap_or_else(|| panic!("{parent} was never created"));
        (parent, name.to_owned())
    }
}
