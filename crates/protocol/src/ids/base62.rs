//! Numbers of fixed width in digits `0-9a-zA-Z`, the highest digit first.

const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Digits that hold any `u64`.
pub(super) const U64_DIGITS: usize = 11;
/// Digits that hold any `u128`.
pub(super) const U128_DIGITS: usize = 22;

/// Digits of one chunk: the most whose numbers fit a `u64`. Division of a `u128` is dear, so there is one for each
/// chunk and not one for each digit.
const CHUNK_DIGITS: usize = 10;
const CHUNK: u128 = 62u128.pow(10);

/// Appends `number` in exactly `digits` digits; they must be enough.
pub(super) fn encode(mut number: u128, digits: usize, out: &mut String) {
    let mut text = [b'0'; U128_DIGITS];
    for places in text[..digits].rchunks_mut(CHUNK_DIGITS) {
        let mut chunk = u64::try_from(number % CHUNK).expect("a chunk fits a u64");
        number /= CHUNK;
        for place in places.iter_mut().rev() {
            *place = ALPHABET[usize::try_from(chunk % 62).expect("a digit is below 62")];
            chunk /= 62;
        }
        assert!(chunk == 0, "the digits hold the number");
    }
    assert!(number == 0, "the digits hold the number");
    out.push_str(std::str::from_utf8(&text[..digits]).expect("the alphabet is ASCII"));
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
