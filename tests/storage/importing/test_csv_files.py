"""CSV in bulk and row by row: whatever the file holds, both read the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.importing.csv_files import _chunk_by_row, _Lines, _records, count_csv_rows, csv_chunks, open_csv

fields = st.sampled_from(
    ["1", "2.5", "", "NA", "web", " 3 ", "1_000", "1e400", "café", '"', '"a,b"', "\x00", "x y", "+5"]
)
lines = st.lists(fields, min_size=0, max_size=4).map(",".join)
ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


def content(draw_lines: list[tuple[str, str]]) -> bytes:
    return ("a,b,c\n" + "".join(line + end for line, end in draw_lines)).encode()


def as_lists(frame: pd.DataFrame) -> list[list[object]]:
    cleaned = frame.astype(object).where(frame.notna(), None)
    return cleaned.to_numpy().tolist()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(lines, ends), max_size=12), st.integers(1, 5), st.integers(0, 6))
@example([("1,2,3", "\n"), ('"x,2,3', "\n"), ("4,5,6", "\n"), ('7,"8\n8",9', "\n"), ("1,2,3", "")], 2, 3)
def test_a_file_reads_the_same_in_bulk_and_row_by_row(tmp_path_factory, drawn, size, skip):
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_bytes(content(drawn))
    with open_csv(path) as file:
        records = _records(_Lines(file))
        names = next(records)
        n, frame, rejected = _chunk_by_row(list(records), names, ["a", "c"], 0)
    chunks = list(csv_chunks(path, ["a", "c"], size, skip, []))
    assert sum(chunk[0] for chunk in chunks) == max(n - skip, 0)
    assert all(chunk[0] <= size for chunk in chunks)
    assert [bad for chunk in chunks for bad in chunk[2]] == [bad for bad in rejected if bad.row >= skip]
    kept = frame[frame.index >= skip]
    assert [k for chunk in chunks for k in chunk[1].index] == kept.index.tolist()
    assert [row for chunk in chunks for row in as_lists(chunk[1])] == as_lists(kept)
    assert count_csv_rows(path) in (n, None)


@pytest.mark.parametrize(("values", "read"), [(["0.1", "1e-320", "", "-0.0"], True), (["0.1", "many"], False)])
def test_a_column_of_numbers_is_handed_over_as_numbers_with_every_bit(tmp_path, values, read):
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["a", *(value or "NA" for value in values)]), encoding="utf-8")
    ((_, frame, _),) = csv_chunks(path, ["a"], 100, 0, ["a"])
    assert pd.api.types.is_float_dtype(frame["a"].dtype) == read
    if read:
        expected = np.array([float(value or "nan") for value in values])
        np.testing.assert_array_equal(
            frame["a"].to_numpy().view(np.int64)[[0, 1, 3]], expected.view(np.int64)[[0, 1, 3]]
        )
        assert np.isnan(frame["a"][2])
