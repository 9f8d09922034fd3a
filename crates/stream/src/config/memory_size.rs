//! Sizes of memory as people write them, and Flink reads them: `512mb`, `1 gb`, `64 kb`, `1024`.

/// The number of bytes `text` stands for, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "b" | "bytes" => Some(1u64),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(1 << 30),
        "t" | "tb" | "tib" => Some(1 << 40),
        _ => None,
    };
    let bytes = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
    bytes.ok_or_else(|| "expected a size of memory, such as 64kb, 512mb or 2gb".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_flink_reads_them_and_nothing_else_is() {
        for (text, bytes) in [
            ("0", Some(0)),
            (" 512mb ", Some(512 << 20)),
            ("1 GB", Some(1 << 30)),
            ("3k", Some(3 << 10)),
            ("17 bytes", Some(17)),
            ("mb", None),
            ("-1mb", None),
            ("1.5gb", None),
            ("1 parsec", None),
            ("99999999tb", None),
        ] {
            assert_eq!(parse(text).ok(), bytes, "{text}");
        }
    }
}
