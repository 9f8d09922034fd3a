//! Key groups: the smallest unit of keyed state that moves from one owner to another.
//!
//! Every key belongs to one of a fixed number of groups; every owner has a contiguous range of them. When the number
//! of owners changes, groups move whole. The arithmetic is Flink's (`KeyGroupRangeAssignment`), so that a job behaves
//! as its users know.

use borsh::{BorshDeserialize, BorshSerialize};

/// A group of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct KeyGroup(pub u16);

/// A contiguous range of key groups, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct KeyGroupRange {
    first: u16,
    last: u16,
}

impl KeyGroup {
    /// The group, of `groups` in all, of a key with this hash. The hash's bits need not be well mixed.
    #[inline]
    pub fn of_hash(hash: u64, groups: u16) -> Self {
        assert!(groups > 0, "a key belongs to one of at least one group");
        // The finalizer of MurmurHash3 over both halves: neighbouring hashes land in unrelated groups.
        let [a, b, c, d, ..] = (hash ^ (hash >> 32)).to_le_bytes();
        let mut mixed = u32::from_le_bytes([a, b, c, d]);
        mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x85eb_ca6b);
        mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        mixed ^= mixed >> 16;
        let groups = u32::from(groups);
        // The same remainder, without the division.
        let of_all = if groups.is_power_of_two() {
            mixed & (groups - 1)
        } else {
            mixed % groups
        };
        Self(narrow(of_all))
    }

    /// Which of `owners` has this group, of `groups` in all.
    #[inline]
    pub fn owner(self, groups: u16, owners: u16) -> u16 {
        narrow(u32::from(self.0) * u32::from(owners) / u32::from(groups))
    }
}

impl KeyGroupRange {
    /// From `first` to `last`, both included.
    pub fn new(first: KeyGroup, last: KeyGroup) -> Self {
        assert!(first <= last, "a range of key groups is not empty");
        Self {
            first: first.0,
            last: last.0,
        }
    }

    /// The range of owner `index` of `owners`, of `groups` key groups in all; `owners` is at most `groups`.
    pub fn of_owner(index: u16, owners: u16, groups: u16) -> Self {
        assert!(
            index < owners && owners <= groups,
            "owner {index} of {owners} has a part of {groups} key groups"
        );
        let (index, owners, groups) = (u32::from(index), u32::from(owners), u32::from(groups));
        let first = (index * groups).div_ceil(owners);
        let last = ((index + 1) * groups - 1) / owners;
        Self {
            first: narrow(first),
            last: narrow(last),
        }
    }

    /// The first group.
    #[inline]
    pub fn first(self) -> KeyGroup {
        KeyGroup(self.first)
    }

    /// The last group.
    pub fn last(self) -> KeyGroup {
        KeyGroup(self.last)
    }

    /// How many groups.
    pub fn groups(self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    /// Whether `group` is in it.
    #[inline]
    pub fn contains(self, group: KeyGroup) -> bool {
        (self.first..=self.last).contains(&group.0)
    }

    /// The groups that are also in `other`.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }

    /// Every group, in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = KeyGroup> {
        (self.first..=self.last).map(KeyGroup)
    }
}

#[inline]
fn narrow(number: u32) -> u16 {
    u16::try_from(number).expect("a number below a number of key groups fits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn groups_are_divided_as_flink_divides_them() {
        let ranges = |owners, groups| -> Vec<(u16, u16)> {
            (0..owners)
                .map(|index| KeyGroupRange::of_owner(index, owners, groups))
                .map(|range| (range.first, range.last))
                .collect()
        };
        assert_eq!(ranges(1, 128), [(0, 127)]);
        assert_eq!(ranges(3, 128), [(0, 42), (43, 85), (86, 127)]);
        assert_eq!(ranges(3, 3), [(0, 0), (1, 1), (2, 2)]);
    }

    proptest! {
        #[test]
        fn every_group_has_one_owner_and_the_owner_knows_it(groups in 1..2000u16, owners in 1..2000u16) {
            prop_assume!(owners <= groups);
            let mut next = 0;
            for index in 0..owners {
                let range = KeyGroupRange::of_owner(index, owners, groups);
                prop_assert_eq!(range.first, next);
                next = range.last + 1;
                for group in range.iter() {
                    prop_assert_eq!(group.owner(groups, owners), index);
                }
            }
            prop_assert_eq!(next, groups);
        }

        #[test]
        fn a_key_is_in_a_group_that_exists(hash in any::<u64>(), groups in 1..2000u16) {
            prop_assert!(KeyGroup::of_hash(hash, groups).0 < groups);
        }
    }

    #[test]
    fn keys_in_a_row_spread_over_the_groups() {
        let mut counts = [0u32; 128];
        for key in 0..128_000 {
            counts[usize::from(KeyGroup::of_hash(key, 128).0)] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
    }
}
