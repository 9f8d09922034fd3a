//! Numbers of fixed width in digits `0-9a-zA-Z`, the highest digit first.
//!
//! Every request writes several: so the digits are worked out in halves that a processor works on side by side, and the
//! dear division of a `u128` is done once for ten digits.

const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Digits that hold any `u64`.
pub(super) const U64_DIGITS: usize = 11;
/// Digits that hold any `u128`.
pub(super) const U128_DIGITS: usize = 22;

/// Digits of one chunk: the most whose numbers fit a `u64`.
const CHUNK_DIGITS: usize = 10;
const CHUNK: u64 = 62u64.pow(10);
/// Digits of half a chunk, whose numbers fit a `u32`.
const HALF_DIGITS: usize = 5;
const HALF: u64 = 62u64.pow(5);

/// The digits of a `u64`.
pub(super) fn encode_u64(number: u64) -> [u8; U64_DIGITS] {
    let mut text = [0; U64_DIGITS];
    let (front, chunk) = text.split_at_mut(U64_DIGITS - CHUNK_DIGITS);
    front.copy_from_slice(&digits::<{ U64_DIGITS - CHUNK_DIGITS }>(number / CHUNK));
    put_chunk(number % CHUNK, chunk);
    text
}

/// The digits of a `u128`.
pub(super) fn encode_u128(number: u128) -> [u8; U128_DIGITS] {
    let (rest, last) = split(number);
    let (first, middle) = split(rest);
    let first = u64::try_from(first).expect("what is left has two digits");
    let mut text = [0; U128_DIGITS];
    let (front, chunks) = text.split_at_mut(U128_DIGITS - 2 * CHUNK_DIGITS);
    front.copy_from_slice(&digits::<{ U128_DIGITS - 2 * CHUNK_DIGITS }>(first));
    put_chunk(middle, &mut chunks[..CHUNK_DIGITS]);
    put_chunk(last, &mut chunks[CHUNK_DIGITS..]);
    text
}

/// All digits but the last ten as a number, and those ten.
fn split(number: u128) -> (u128, u64) {
    let higher = number / u128::from(CHUNK);
    let last = u64::try_from(number - higher * u128::from(CHUNK)).expect("a chunk fits a u64");
    (higher, last)
}

fn put_chunk(chunk: u64, text: &mut [u8]) {
    let (front, back) = text.split_at_mut(HALF_DIGITS);
    front.copy_from_slice(&digits::<HALF_DIGITS>(chunk / HALF));
    back.copy_from_slice(&digits::<HALF_DIGITS>(chunk % HALF));
}

/// At most five digits.
fn digits<const N: usize>(number: u64) -> [u8; N] {
    let mut rest = u32::try_from(number).expect("five digits fit a u32");
    let mut text = [0; N];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    assert!(rest == 0, "the digits hold the number");
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_at_both_ends_and_at_every_power() {
        let text = |digits: &[u8]| String::from_utf8(digits.to_vec()).expect("ASCII");
        let powers = (0..22).map(|exponent| 62u128.pow(exponent));
        let around = powers.flat_map(|power| [power - 1, power, power + 1]);
        for number in around.chain([u128::from(u64::MAX), u128::MAX]) {
            let encoded = text(&encode_u128(number));
            assert_eq!(decode(&encoded), Some(number), "{encoded}");
            if let Ok(short) = u64::try_from(number) {
                let short = text(&encode_u64(short));
                assert_eq!(short, encoded[U128_DIGITS - U64_DIGITS..]);
            }
        }
        assert_eq!(text(&encode_u64(u64::MAX)), "lYGhA16ahyf");
    }
}
