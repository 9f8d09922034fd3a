//! The arithmetic of windows.
//!
//! Time is cut into slices such that every window is some of them, so that a record is added once, however many windows
//! it is in, and a window is its slices merged when it is due:
//!
//! ```text
//!  slices   |....|....|....|....|....|....|        size 10 s, slide 4 s: slices of 2 s
//!  windows  [--------------)                       a window is due when the watermark reaches its last moment
//!                [--------------)
//! ```

/// Times beyond this, either way, are no times: arithmetic with the others does not overflow.
const TIME_MAX: i64 = i64::MAX / 4;

/// Windows of one length at equal distances, and the slices they are made of. Times are ms since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slices {
    size: i64,
    slide: i64,
    offset: i64,
    width: i64,
    is_event_time: bool,
}

impl Slices {
    pub(crate) fn new(size: i64, slide: i64, offset: i64) -> Self {
        assert!(
            size > 0 && slide > 0,
            "a window has a length and a distance of 1 ms at least"
        );
        let limited = |time: i64| time.min(TIME_MAX);
        let (size, slide) = (limited(size), limited(slide));
        Self {
            size,
            slide,
            offset: offset % slide,
            width: greatest_common_divisor(size, slide),
            is_event_time: true,
        }
    }

    pub(crate) fn by_processing_time(mut self) -> Self {
        self.is_event_time = false;
        self
    }

    pub(crate) fn is_event_time(&self) -> bool {
        self.is_event_time
    }

    /// How long windows are.
    pub(crate) fn size(&self) -> i64 {
        self.size
    }

    /// How long slices are.
    pub(crate) fn width(&self) -> i64 {
        self.width
    }

    /// The start of the slice that a time is in; `None` for what cannot be a time.
    pub(crate) fn slice_of(&self, time: i64) -> Option<i64> {
        if !(-TIME_MAX..=TIME_MAX).contains(&time) {
            return None;
        }
        Some(time - (time - self.offset).rem_euclid(self.width))
    }

    /// The ends of the windows that a slice is in, the earliest first. None for a slice between two windows.
    pub(crate) fn ends(&self, slice: i64) -> impl Iterator<Item = i64> + use<> {
        let (size, slide) = (self.size, self.slide);
        // Windows that have the slice begin after `slice - size`, at the latest with the slice.
        let latest = slice - (slice - self.offset).rem_euclid(slide);
        let before = if latest > slice - size {
            (latest - (slice - size) - 1) / slide
        } else {
            -1
        };
        (0..=before).rev().map(move |back| latest - back * slide + size)
    }

    /// The end of the last window that a slice is in.
    pub(crate) fn last_end(&self, slice: i64) -> Option<i64> {
        let latest = slice - (slice - self.offset).rem_euclid(self.slide);
        (latest > slice - self.size).then_some(latest + self.size)
    }
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_knows_its_windows() {
        for (size, slide, offset, time, slice, ends) in [
            (10, 10, 0, 0, 0, &[10][..]),
            (10, 10, 0, 9, 0, &[10]),
            (10, 10, 0, -1, -10, &[0]),
            (10, 10, 3, 2, -7, &[3]),
            (10, 2, 0, 5, 4, &[6, 8, 10, 12, 14]),
            (10, 4, 0, 5, 4, &[6, 10, 14]),
            (10, 4, 0, 9, 8, &[10, 14, 18]),
            (10, 4, 1, 0, -1, &[3, 7]),
            (2, 5, 0, 6, 6, &[7]),
            (2, 5, 0, 2, 2, &[]),
            (2, 5, 0, 4, 4, &[]),
        ] {
            let slices = Slices::new(size, slide, offset);
            let case = format!("{size} {slide} {offset} {time}");
            assert_eq!(slices.slice_of(time), Some(slice), "{case}");
            assert_eq!(slices.ends(slice).collect::<Vec<_>>(), ends, "{case}");
            assert_eq!(slices.last_end(slice), ends.last().copied(), "{case}");
        }
    }

    #[test]
    fn what_cannot_be_a_time_is_in_no_slice() {
        for time in [i64::MIN, i64::MIN / 2, i64::MAX] {
            assert_eq!(Slices::new(10, 10, 0).slice_of(time), None);
        }
    }

    proptest::proptest! {
        /// By the definition: a record is in every window [offset + n * slide, + size) that has its time.
        #[test]
        fn a_record_is_in_the_windows_of_its_slice(size in 1..40i64, slide in 1..40i64, offset in -50..50i64, time in -99..99i64) {
            let slices = Slices::new(size, slide, offset);
            let slice = slices.slice_of(time).expect("a time");
            let starts = (-400..400).map(|number| offset % slide + number * slide);
            let ends: Vec<_> = starts
                .filter(|start| (*start..start + size).contains(&time))
                .map(|start| start + size)
                .collect();
            proptest::prop_assert_eq!(slices.ends(slice).collect::<Vec<_>>(), ends);
        }
    }
}
