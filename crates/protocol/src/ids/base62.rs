//! Numbers of fixed width in digits `0-9a-zA-Z`, the highest digit first.

const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Digits that hold any `u64`.
pub(super) const U64_DIGITS: usize = 11;
/// Digits that hold any `u128`.
pub(super) const U128_DIGITS: usize = 22;

/// Appends `number` in exactly `digits` digits; they must be enough.
pub(super) fn encode(mut number: u128, digits: usize, out: &mut String) {
    let mut text = [b'0'; U128_DIGITS];
    for place in text[..digits].iter_mut().rev() {
        let digit = usize::try_from(number % 62).expect("a digit is below 62");
        *place = ALPHABET[digit];
        number /= 62;
    }
    assert!(number == 0, "the digits hold the number");
    out.extend(text[..digits].iter().map(|&digit| char::from(digit)));
}

/// The number written in `text`; `None` on a foreign digit or a number above `u128`.
pub(super) fn decode(text: &str) -> Option<u128> {
    text.bytes().try_fold(0u128, |number, byte| {
        number.checked_mul(62)?.checked_add(digit(byte)?)
    })
}

fn digit(byte: u8) -> Option<u128> {
    let value = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'z' => byte - b'a' + 10,
        b'A'..=b'Z' => byte - b'A' + 36,
        _ => return None,
    };
    Some(u128::from(value))
}
