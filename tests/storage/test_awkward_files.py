"""Files as people send them: each is read as it is meant, or one sentence says what to do."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from storage import open_log
from storage.__main__ import main

START = datetime(2026, 9, 1, tzinfo=UTC)
N = 60
TIMES = [f"{START + timedelta(minutes=k):%Y-%m-%dT%H:%M:%SZ}" for k in range(N)]


@pytest.fixture
def log(sqlite_url, monkeypatch):
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    log = open_log(sqlite_url)
    yield log
    log.close()


@pytest.fixture
def bring(log, tmp_path, capsys):
    def bring(columns: dict[str, list], *options: str, code: int = 0, raw: bytes | None = None) -> str:
        file = tmp_path / "awkward.csv"
        frame = pd.DataFrame({"ts": TIMES, "x": [f"{k % 7}.5" for k in range(N)], **columns})
        file.write_bytes(frame.to_csv(index=False).encode() if raw is None else raw)
        assert main(["import", str(file), "--model", "m", "--time", "ts", *options]) == code
        captured = capsys.readouterr()
        return " ".join((captured.out + captured.err).split())

    return bring


def numbers(log, name):
    return log.read_rows("m")[name].dropna().tolist()


WRITTEN = [f"{1 + k},{100 + k}.50" for k in range(N)]
NUMBERS = {
    # name: what stands in the file, what the plan says, the options that read it, the first value then
    "thousands": (WRITTEN, "numbers with thousands separators, such as '1,100.50'", ["--thousands", "v=,"], 1100.5),
    "decimal comma": ([f"{k},25" for k in range(N)], "numbers with a decimal comma", ["--decimal", ","], 0.25),
    "german": (
        [f"{1 + k}.{100 + k},5" for k in range(N)],
        "thousands separators and a decimal comma",
        ["--decimal", ",", "--thousands", "."],
        1100.5,
    ),
    "french": (
        [f"{1 + k}\u202f{100 + k},5" for k in range(N)],
        "thousands separators and a decimal comma",
        ["--decimal", "v=,", "--thousands", "v= "],
        1100.5,
    ),
    "swiss": ([f"{1 + k}'{100 + k}.5" for k in range(N)], "thousands separators", ["--thousands", "v='"], 1100.5),
    "percent": ([f"{k}.5 %" for k in range(N)], "numbers with a percent sign", ["--numeric", "v"], 0.5),
    "dollars": ([f"-${k}.50" for k in range(N)], "numbers with a currency", ["--numeric", "v"], -0.5),
    "euros": ([f"{k},50 €" for k in range(N)], "a decimal comma and a currency", ["--decimal", "v=,"], 0.5),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_with_marks_are_offered_by_name_and_read_when_asked_for(log, bring, case):
    written, says, options, first = NUMBERS[case]
    said = bring({"v": written})
    assert f"left out: numbers with {says.removeprefix('numbers with ')}" in said
    assert "free text" not in said
    bring({"v": written}, *options)
    assert (numbers(log, "v")[0], len(numbers(log, "v"))) == (first, N)


def test_a_mark_that_can_be_two_things_is_asked_for_and_not_guessed(log, bring):
    written = {"v": [f"{1 + k},{100 + k}" for k in range(N)]}
    said = bring(written)
    assert "numbers such as '1,100' can be 1100 (--thousands 'v=,') or 1.1 (--decimal 'v=,'); say which" in said
    assert "column v must say what '1,100' is" in bring(written, "--numeric", "v", code=2)
    bring(written, "--decimal", "v=,")
    assert numbers(log, "v")[0] == 1.1


def test_marks_are_kept_and_every_way_in_reads_them(log, bring):
    bring({"v": WRITTEN}, "--thousands", "v=,")
    rows = [{"predicted_at": START + timedelta(days=1, minutes=k), "v": "2,500.25"} for k in range(40)]
    log.append("m", rows[:1])
    log.append("m", rows[1:20])
    log.append("m", pd.DataFrame(rows[20:]))
    assert numbers(log, "v")[N:] == [2500.25] * 40


def test_a_mark_that_is_none_is_refused(bring):
    assert "decimal must be one of '.' ','; got ';'." in bring({"v": WRITTEN}, "--decimal", ";", code=2)
    assert "must be in awkward.csv" in bring({"v": WRITTEN}, "--decimal", "w=,", code=2)


@pytest.mark.parametrize(
    ("name", "values", "option"),
    [
        (
            "predicted_temp",
            [str(20 + k % 9) for k in range(N)],
            "looks like the prediction: --prediction predicted_temp?",
        ),
        ("actual_temp", [str(20 + k % 8) for k in range(N)], "looks like the label: --label actual_temp?"),
        ("proba_rain", [f"0.{k % 9}" for k in range(N)], "looks like the score: --score proba_rain?"),
        ("y_true", [str(k % 2) for k in range(N)], "looks like the label: --label y_true?"),
        ("record_id", [f"r{k}" for k in range(N)], "looks like the request id: --id record_id?"),
    ],
)
def test_what_a_name_tells_is_proposed_and_can_be_refused(bring, name, values, option):
    assert f"hint: {name} {option}" in bring({name: values})
    kind = "--categorical" if name == "record_id" else "--numeric"
    assert option not in bring({name: values}, kind, name, "--model", "other")


def test_of_two_columns_that_could_be_the_prediction_none_is_proposed(bring):
    column = [str(20 + k % 9) for k in range(N)]
    assert "looks like" not in bring({"predicted_temp": column, "predicted_wind": column[::-1]})


def test_a_feature_that_knows_the_answer_is_told(bring):
    label = ["yes" if k % 3 else "no" for k in range(N)]
    said = bring({"label": label, "status": label}, "--label", "label")
    assert "hint: status equals the label in all of the first 60 rows (--ignore status?)." in said


def test_a_column_that_counts_the_rows_is_told(bring):
    assert "hint: Row only counts the rows" in bring({"Row": [str(k) for k in range(N)]})


def test_a_doubled_header_and_a_blank_one_are_each_one_sentence(bring):
    said = bring({}, code=2, raw=b"ts,x,x\n2026-01-01T00:00Z,1,2\n")
    assert "must name each column once; 'x' stands there 2 times" in said
    said = bring({}, raw=("ts,,x\n" + "".join(f"{at},{k},{k % 5}\n" for k, at in enumerate(TIMES))).encode())
    assert "column 2 left out: it has no name" in said


def test_latin_1_is_told_with_its_row(log, bring):
    lines = [f"{at},{'café' if k == 3 else 'tea'}\n" for k, at in enumerate(TIMES)]
    said = bring({}, raw=("ts,drink\n" + "".join(lines)).encode("latin-1"))
    assert "row 4: row must be UTF-8 text; it holds other bytes." in said
    assert log.n_rows("m") == N - 1


def test_line_breaks_in_quotes_are_part_of_their_cell(log, bring):
    lines = "".join(f'{at},"two\nlines {k % 3}"\n' for k, at in enumerate(TIMES))
    bring({}, raw=f"ts,note\n{lines}".encode())
    assert sorted(set(numbers(log, "note"))) == [f"two\nlines {k}" for k in range(3)]


def test_a_file_of_which_most_rows_are_rejected_is_no_success(bring):
    ids = ["same"] * N
    said = bring({"id": ids}, "--id", "id", code=3)
    assert "59 rows: id must be new" in said
    assert "error: 59 of 60 rows were rejected, more than 50% (--most-rejected)." in said
    bring({"id": [f"{k // 2}" for k in range(N)]}, "--id", "id", "--most-rejected", "0.6")


def test_a_plan_of_many_columns_is_told_by_what_became_of_them(bring):
    many = {f"c{k}": [str((k * n) % 97 / 3) for n in range(N)] for k in range(150)}
    said = bring(many)
    assert "151 columns numeric: x, c0, c1, c2, c3, c4 and 145 more" in said
    assert "c149 numeric" in bring(many, "--verbose", "--again")


def test_labels_of_pairs_that_are_none_are_refused(bring):
    with pytest.raises(SystemExit):
        bring({"label": ["1"] * N}, "--label", "label", "--classes", "granted")
