//! Reads the frame fixtures: text to bytes, by field numbers alone, without the message structs.

use std::iter::Peekable;
use std::str::Chars;

use everspan_protocol::frame::{Frame, MessageType};

/// One line of a fixture.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) frame: Frame,
    /// Length told by the recorder; `None` if the text was cut or written by hand.
    pub(crate) len: Option<usize>,
}

pub(crate) fn recorded() -> Vec<Line> {
    lines(concat!(
        include_str!("../fixtures/v6-frames.txt"),
        include_str!("../fixtures/v7-frames.txt")
    ))
}

pub(crate) fn written() -> Vec<Line> {
    lines(include_str!("../fixtures/written-frames.txt"))
}

fn lines(text: &str) -> Vec<Line> {
    text.lines().map(line).collect()
}

fn line(text: &str) -> Line {
    let (head, body) = text.split_at(text.find('{').expect("a body"));
    let words: Vec<&str> = head.split_whitespace().collect();
    let code = words[3].strip_prefix("0x").expect("a type code");
    let ty = MessageType(u16::from_str_radix(code, 16).expect("a type code"));
    let len = words
        .iter()
        .find_map(|word| word.strip_prefix("len="))
        .map(|len| len.parse().expect("a length"));
    let mut frame = Frame::new(ty, message(&mut body.chars().peekable()));
    if words.contains(&"0x8000") {
        frame.flags = 0x8000;
    }
    Line {
        text: text.to_owned(),
        frame,
        len: len.filter(|_| !text.contains('…')),
    }
}

/// `{1:7 2:"text" 3:0xff 4:{…}}`
fn message(chars: &mut Peekable<Chars<'_>>) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(chars.next(), Some('{'));
    loop {
        match chars.next().expect("a closing brace") {
            '}' => return out,
            ' ' => {}
            digit => field(digit, chars, &mut out),
        }
    }
}

fn field(first: char, chars: &mut Peekable<Chars<'_>>, out: &mut Vec<u8>) {
    let number: u64 = format!("{first}{}", take_until(chars, ':'))
        .parse()
        .expect("a field number");
    chars.next();
    let bytes = match chars.peek().expect("a value") {
        '{' => message(chars),
        '"' => quoted(chars),
        _ => {
            let word = take_until(chars, ' ');
            let Some(hex) = word.strip_prefix("0x") else {
                varint(number << 3, out);
                return varint(word.parse().expect("a number"), out);
            };
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
            (0..hex.len()).step_by(2).map(byte).collect()
        }
    };
    varint(number << 3 | 2, out);
    varint(bytes.len() as u64, out);
    out.extend(bytes);
}

/// Up to `end` or a closing brace, which stay.
fn take_until(chars: &mut Peekable<Chars<'_>>, end: char) -> String {
    let mut text = String::new();
    while let Some(next) = chars.next_if(|&next| next != end && next != '}') {
        text.push(next);
    }
    text
}

/// A JSON string.
fn quoted(chars: &mut Peekable<Chars<'_>>) -> Vec<u8> {
    let mut json = String::new();
    let mut escaped = false;
    for next in chars.by_ref() {
        json.push(next);
        if next == '"' && !escaped && json.len() > 1 {
            break;
        }
        escaped = next == '\\' && !escaped;
    }
    serde_json::from_str::<String>(&json)
        .expect("a string")
        .into_bytes()
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let low = (value & 0x7f).to_le_bytes()[0];
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}
