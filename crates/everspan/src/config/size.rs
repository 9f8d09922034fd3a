//! Sizes in bytes as people write them: `32MiB`, `64 MB`, `1.5GiB`, `1048576`.
//!
//! Own code, since a size must print exactly what it is: the well-known crates round to one decimal.

/// What the configuration takes as a size, in words.
pub(super) const FORM: &str = "a size, such as 64KiB, 32MiB, 1.5GiB, 64 MB or a number of bytes";

/// The bytes `text` stands for, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    exact(number, unit.trim_start()).ok_or_else(|| format!("expected {FORM}"))
}

/// The size in the largest binary unit that says it exactly, else in bytes.
pub(super) fn show(bytes: u64) -> String {
    [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
        .into_iter()
        .find(|(_, shift)| bytes != 0 && bytes.trailing_zeros() >= *shift)
        .map_or_else(
            || bytes.to_string(),
            |(unit, shift)| format!("{}{unit}", bytes >> shift),
        )
}

fn unit_bytes(unit: &str) -> Option<u128> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    })
}

/// `number` × `unit` without rounding; `None` unless that is a whole number of bytes.
fn exact(number: &str, unit: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 12 {
        return None;
    }
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let scaled = u128::from(whole.parse::<u64>().ok()?) * scale + u128::from(fraction.parse::<u64>().ok()?);
    let bytes = scaled.checked_mul(unit_bytes(unit)?)?;
    if bytes % scale == 0 {
        u64::try_from(bytes / scale).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("512B", 512),
            ("32MiB", 32 << 20),
            ("32.0 MiB", 32 << 20),
            ("1.5GiB", 3 << 29),
            ("64 MB", 64_000_000),
            ("64kb", 64_000),
            (" 1tib ", 1 << 40),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "MiB",
            "-1",
            "32M",
            "1.5",
            "1.",
            ".5MiB",
            "1.2.3MiB",
            "99999999TiB",
            "18446744073709551616",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bytes: u64, zeros in 0..50u32) {
            let bytes = bytes >> zeros << zeros;
            prop_assert_eq!(parse(&show(bytes)), Ok(bytes));
        }
    }
}
