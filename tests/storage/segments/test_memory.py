"""Parts of segments in memory: the same as in the database, until a segment changes."""

from dataclasses import replace

from storage.models.catalogue import Entry
from storage.segments.memory import Remembered

ENTRY = Entry(
    1,
    "m",
    revision=7,
    n_rows=0,
    n_columns=0,
    n_categories=0,
    n_readings=0,
    sealed_id=None,
    n_sealed=0,
    n_retired=0,
    seal_revision=3,
)


def reader(parts):
    """Return a function that reads parts, and the list of its calls."""
    calls = []
    return lambda: calls.append(1) or parts, calls


def test_parts_are_read_once_and_absent_ones_are_known_to_be_absent():
    remembered = Remembered()
    read, calls = reader({"a": b"1", "b": b"2"})
    for _ in range(3):
        assert remembered.read(ENTRY, ["a", "b", "gone"], read, len) == {"a": b"1", "b": b"2"}
    assert len(calls) == 1
    # Rows that are only added leave segments as they are.
    remembered.read(replace(ENTRY, revision=8, n_rows=5), ["b"], read, len)
    assert len(calls) == 1


def test_a_changed_segment_and_another_model_are_read_anew():
    remembered = Remembered()
    read, calls = reader({"a": b"1"})
    for entry in (ENTRY, replace(ENTRY, seal_revision=4), replace(ENTRY, id=2), ENTRY):
        remembered.read(entry, ["a"], read, len)
    assert len(calls) == 3


def test_the_oldest_parts_go_first_and_a_long_scan_washes_nothing_out():
    remembered = Remembered(limit=10)
    small, small_calls = reader({"a": b"123"})
    large, large_calls = reader({"b": b"123456"})
    other, other_calls = reader({"c": b"12345"})
    for read, name in (
        (small, "a"),
        (large, "b"),
        (large, "b"),
        (small, "a"),
        (other, "c"),
        (small, "a"),
        (other, "c"),
    ):
        remembered.read(ENTRY, [name], read, len)
    assert (len(small_calls), len(large_calls), len(other_calls)) == (1, 2, 1)
    for name in "defg":
        remembered.read(ENTRY, [name], reader({name: b"1234"})[0], len)
    remembered.read(ENTRY, ["a"], small, len)
    assert len(small_calls) == 2
