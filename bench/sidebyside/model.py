"""What every stream workload must give, computed record by record without an engine: the third opinion on a result."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator

BITS = 2**64 - 1
FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)
SECOND_MS = 1000
PERSON, AUCTION, BID = range(3)
Fields = tuple[int, ...]
# kind, ts, person, auction, price
Event = tuple[int, int, int, int, int]


def result(query: str, events: int) -> tuple[int, int]:
    """(records, checksum as a signed 64-bit number) of the workload's output."""
    count = total = 0
    for fields in QUERIES[query](events):
        count += 1
        total += mix(sum(field * factor for field, factor in zip(fields, FACTORS)))
    return count, signed(total)


def mix(z: int) -> int:
    """The output function of splitmix64."""
    z = (z + 0x9E3779B97F4A7C15) & BITS
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & BITS
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & BITS
    return z ^ z >> 31


def positive(z: int) -> int:
    return mix(z) & BITS >> 1


def signed(z: int) -> int:
    return (z & BITS) - (2**64 if z & 2**63 else 0)


def java_hash(text: str) -> int:
    """`String.hashCode` of ASCII text, as a signed number."""
    code = 0
    for byte in text.encode():
        code = (code * 31 + byte) & 0xFFFFFFFF
    return code - (2**32 if code & 2**31 else 0)


def src(events: int) -> Iterator[Fields]:
    return ((i,) for i in range(events))


def wc(events: int) -> Iterator[Fields]:
    counts: Counter[int] = Counter()
    for i in range(events):
        word = positive(i) % 10_000
        counts[word] += 1
        yield java_hash(f"w{word:04}"), counts[word]


def keyed_sum(events: int) -> Iterator[Fields]:
    sums: Counter[int] = Counter()
    for i in range(events):
        key = positive(i) % 1_000_000
        sums[key] += key & 0xFF
        yield key, sums[key]


def event(i: int) -> Event:
    epoch, place = divmod(i, 50)
    random, ts = positive(i), i // 10
    if place == 0:
        return PERSON, ts, epoch, -1, 0
    if place < 4:
        return AUCTION, ts, max(0, epoch - random % 100), epoch * 3 + place - 1, 0
    hot = epoch * 3 // 100 * 100
    auction = max(0, epoch * 3 - (random >> 8) % 100) if random & 1 else hot
    return BID, ts, max(0, epoch - (random >> 24) % 1000), auction, 100 + (random >> 33) % 10_000


def of_kind(events: int, kind: int) -> Iterator[Event]:
    return (one for one in map(event, range(events)) if one[0] == kind)


def q0(events: int) -> Iterator[Fields]:
    return ((ts, person, auction, price) for _, ts, person, auction, price in of_kind(events, BID))


def q1(events: int) -> Iterator[Fields]:
    for _, ts, person, auction, price in of_kind(events, BID):
        yield auction, person, struct.unpack("<q", struct.pack("<d", price * 0.908))[0], ts


def q2(events: int) -> Iterator[Fields]:
    return ((auction, price) for *_, auction, price in of_kind(events, BID) if auction % 123 == 0)


def q5(events: int) -> Iterator[Fields]:
    size, slide = 10 * SECOND_MS, 2 * SECOND_MS
    counts: Counter[tuple[int, int]] = Counter()
    for _, ts, _, auction, _ in of_kind(events, BID):
        last_start = ts // slide * slide
        for start in range(last_start, last_start - size, -slide):
            counts[start + size, auction] += 1
    hottest: dict[int, tuple[int, int]] = {}
    for (end, auction), bids in counts.items():
        hottest[end] = max(hottest.get(end, (0, 0)), (bids, -auction))
    return ((end, -auction, bids) for end, (bids, auction) in hottest.items())


def q8(events: int) -> Iterator[Fields]:
    window = 10 * SECOND_MS
    persons = Counter((ts // window, person) for _, ts, person, _, _ in of_kind(events, PERSON))
    for _, ts, person, auction, _ in of_kind(events, AUCTION):
        for _ in range(persons[ts // window, person]):
            yield person, auction


QUERIES: dict[str, Callable[[int], Iterator[Fields]]] = {
    "src": src, "wc": wc, "sum": keyed_sum, "q0": q0, "q1": q1, "q2": q2, "q5": q5, "q8": q8,
}  # fmt: skip
