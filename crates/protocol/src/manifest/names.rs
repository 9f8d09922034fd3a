//! Which names services and handlers may have.
//!
//! ```text
//! service   ([a-zA-Z] | _[a-zA-Z0-9]) [a-zA-Z0-9._-]*
//! handler   ([a-zA-Z] | _[a-zA-Z0-9]) [a-zA-Z0-9_]*
//! ```

/// Whether a service may have this name.
pub(super) fn is_service_name(name: &str) -> bool {
    is_name(name, |byte| {
        byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
    })
}

/// Whether a handler may have this name.
pub(super) fn is_handler_name(name: &str) -> bool {
    is_name(name, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_name(name: &str, is_inner: fn(u8) -> bool) -> bool {
    let inner = match name.as_bytes() {
        [b'_', second, inner @ ..] if second.is_ascii_alphanumeric() => inner,
        [first, inner @ ..] if first.is_ascii_alphabetic() => inner,
        _ => return false,
    };
    inner.iter().all(|&byte| is_inner(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar() {
        for (name, service, handler) in [
            ("Greeter", true, true),
            ("g", true, true),
            ("_1", true, true),
            ("_a_", true, true),
            ("greet_2", true, true),
            ("my.Greeter-2", true, false),
            ("a-", true, false),
            ("", false, false),
            ("_", false, false),
            ("__a", false, false),
            ("1a", false, false),
            (".a", false, false),
            ("a b", false, false),
            ("a/b", false, false),
            ("grüße", false, false),
            ("a\n", false, false),
        ] {
            assert_eq!(is_service_name(name), service, "service {name:?}");
            assert_eq!(is_handler_name(name), handler, "handler {name:?}");
        }
    }
}
