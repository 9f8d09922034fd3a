//! Follows names and open files through the calls, as the kernel did, and writes down what they changed.

use std::collections::BTreeMap;

use super::names::Names;
use super::{Change, Effect, History, Node, Picks, Promise, Sync};
use crate::trace::Call;
use crate::writer::PROMISE;

pub(super) struct Reader<'a> {
    names: Names,
    open: BTreeMap<i64, OpenFile>,
    pub(super) history: History,
    obeys: Picks<'a>,
    /// Lines at which the last fsync of each file or directory began, obeyed or not.
    synced: BTreeMap<Node, usize>,
}

struct OpenFile {
    node: Node,
    path: String,
    offset: usize,
    append: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(root: &str, obeys: Picks<'a>) -> Self {
        Self {
            names: Names::new(root),
            open: BTreeMap::new(),
            history: History {
                changes: Vec::new(),
                promises: Vec::new(),
                directories: vec![true],
            },
            obeys,
            synced: BTreeMap::new(),
        }
    }

    /// Takes in the next call that succeeded.
    pub(super) fn call(&mut self, call: &Call) {
        match call.name.as_str() {
            "open" | "openat" => self.open(call),
            "close" => {
                self.open.remove(&call.number(0));
            }
            // Another process: nothing of the one before is open any more.
            "execve" => self.open.clear(),
            "lseek" => self.seek(call),
            "write" if call.args[0] == "1" => self.promise(call),
            "write" | "writev" => self.write(call),
            "pwrite64" => self.write_at(call),
            "ftruncate" => self.resize(call),
            "mkdir" | "mkdirat" => self.make_dir(call),
            "unlink" | "unlinkat" | "rmdir" => self.unlink(call),
            "rename" | "renameat" | "renameat2" => self.rename(call),
            "fsync" | "fdatasync" => self.sync(call),
            "mmap" => assert!(!is_shared_writable(call), "{call:?} is not modelled"),
            "fcntl" if !call.args[1].starts_with("F_DUPFD") => {}
            // Without an effect that a power cut would have to respect.
            "sync_file_range" | "fadvise64" | "flock" => {}
            _ => self.refuse(call),
        }
    }

    /// Calls that would change what is durable in ways nobody has modelled yet.
    fn refuse(&self, call: &Call) {
        let of_open_file = call.args.iter().any(|arg| {
            arg.parse()
                .is_ok_and(|number: i64| self.open.contains_key(&number))
        });
        let below_root = (0..call.args.len())
            .filter(|&place| call.args[place].starts_with('"'))
            .any(|place| self.names.contains(&call.path(place)));
        let always = matches!(call.name.as_str(), "sync" | "syncfs" | "io_uring_setup" | "chdir");
        assert!(
            !(of_open_file || below_root || always),
            "line {}: {} is not modelled",
            call.ended,
            call.name
        );
    }

    fn change(&mut self, call: &Call, node: Node, effect: Effect) {
        self.history.changes.push(Change {
            node,
            effect,
            at: call.ended,
            durable_at: None,
        });
    }

    /// The path of argument `place`, below the directory of the argument before it if the call has one.
    fn path(&self, call: &Call, place: usize) -> Option<String> {
        let path = call.path(place);
        if path.starts_with('/') {
            return self.names.below_root(&path);
        }
        let directory = place.checked_sub(1).map(|place| call.args[place].parse::<i64>());
        match directory {
            Some(Ok(directory)) => {
                let directory = self.open.get(&directory)?;
                Some(format!("{}/{path}", directory.path))
            }
            _ => None,
        }
    }

    fn open(&mut self, call: &Call) {
        let place = usize::from(call.name == "openat");
        let Some(path) = self.path(call, place) else {
            return;
        };
        let flags = &call.args[place + 1];
        let node = match self.names.find(&path) {
            Some(node) => {
                if flags.contains("O_TRUNC") {
                    self.change(call, node, Effect::Resize { len: 0 });
                }
                node
            }
            None => {
                assert!(flags.contains("O_CREAT"), "{path} was never created");
                self.create(call, &path, false)
            }
        };
        let file = OpenFile {
            node,
            path,
            offset: 0,
            append: flags.contains("O_APPEND"),
        };
        self.open.insert(call.result, file);
    }

    fn create(&mut self, call: &Call, path: &str, directory: bool) -> Node {
        let node = self.history.directories.len();
        self.history.directories.push(directory);
        let (parent, name) = self.names.link(path, node, directory);
        self.change(call, parent, Effect::Link { name, to: node });
        node
    }

    fn make_dir(&mut self, call: &Call) {
        if let Some(path) = self.path(call, usize::from(call.name == "mkdirat")) {
            self.create(call, &path, true);
        }
    }

    fn unlink(&mut self, call: &Call) {
        if let Some(path) = self.path(call, usize::from(call.name == "unlinkat")) {
            let (parent, name, _) = self.names.unlink(&path);
            self.change(call, parent, Effect::Unlink { name });
        }
    }

    fn rename(&mut self, call: &Call) {
        let (from, to) = if call.name == "rename" { (0, 1) } else { (1, 3) };
        assert!(call.args.get(4).is_none_or(|flags| flags != "RENAME_EXCHANGE"));
        let (Some(from), Some(to)) = (self.path(call, from), self.path(call, to)) else {
            return;
        };
        let (parent, name, node) = self.names.unlink(&from);
        let (new_parent, new) = self.names.link(&to, node, self.history.directories[node]);
        assert_eq!(
            parent, new_parent,
            "a rename from one directory to another is not modelled"
        );
        self.change(call, parent, Effect::Rename { name, new, to: node });
    }

    fn seek(&mut self, call: &Call) {
        if let Some(file) = self.open.get_mut(&call.number(0)) {
            file.offset = usize::try_from(call.result).unwrap();
        }
    }

    fn write(&mut self, call: &Call) {
        let Some(file) = self.open.get_mut(&call.number(0)) else {
            return;
        };
        assert!(!file.append, "appending is not modelled");
        let (node, offset) = (file.node, file.offset);
        let mut bytes = call.bytes(1);
        bytes.truncate(usize::try_from(call.result).unwrap());
        file.offset += bytes.len();
        self.change(call, node, Effect::Write { offset, bytes });
    }

    fn write_at(&mut self, call: &Call) {
        let Some(file) = self.open.get(&call.number(0)) else {
            return;
        };
        let offset = usize::try_from(call.number(3)).unwrap();
        let mut bytes = call.bytes(1);
        bytes.truncate(usize::try_from(call.result).unwrap());
        self.change(call, file.node, Effect::Write { offset, bytes });
    }

    fn resize(&mut self, call: &Call) {
        if let Some(file) = self.open.get(&call.number(0)) {
            let len = usize::try_from(call.number(1)).unwrap();
            self.change(call, file.node, Effect::Resize { len });
        }
    }

    fn sync(&mut self, call: &Call) {
        let Some(file) = self.open.get(&call.number(0)) else {
            return;
        };
        let last = self.synced.insert(file.node, call.began).unwrap_or(0);
        let changes = self.history.changes.iter_mut();
        let covered = changes.filter(|change| change.node == file.node && change.at < call.began);
        let mut covered: Vec<&mut Change> = covered.collect();
        let sync = Sync {
            path: &file.path,
            at: call.ended,
            renamed: covered
                .iter()
                .any(|change| change.at > last && matches!(change.effect, Effect::Rename { .. })),
        };
        if (self.obeys)(&sync) {
            for change in &mut covered {
                change.durable_at.get_or_insert(call.ended);
            }
        }
    }

    fn promise(&mut self, call: &Call) {
        let text = String::from_utf8(call.bytes(1)).unwrap();
        for line in text.lines() {
            if let Some(position) = line.strip_prefix(PROMISE) {
                self.history.promises.push(Promise {
                    position: position.parse().unwrap(),
                    at: call.began,
                });
            }
        }
    }
}

fn is_shared_writable(call: &Call) -> bool {
    call.args[2].contains("PROT_WRITE") && call.args[3].contains("MAP_SHARED")
}
