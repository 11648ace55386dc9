"""Labels in batches are checked and written as if each had come alone."""

from datetime import UTC, datetime, timedelta

import pytest

from drift.data.windows import Column
from storage import open_log
from storage.checking.cells import Rule
from storage.checking.spelling import Reading
from storage.writing import labels

pytestmark = pytest.mark.each_database

START = datetime(2026, 11, 23, 14, tzinfo=UTC)
CAME = START + timedelta(days=1)
ODD = [1, 1.0, True, None, "", "x" * 201, "half \ud800", "\x00", float("nan"), "17", 10**400]


@pytest.mark.parametrize("check", [Rule("category", Reading()), Rule("number", Reading())], ids=lambda rule: rule.kind)
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_one_odd_value_among_plain_ones_is_told_alike(check, odd, monkeypatch):
    plain = ["good"] * 20 if check.kind == "category" else [0.5] * 20
    ids = [f"r{k}" for k in range(20)]
    batches = [(ids, [*plain[:7], odd, *plain[8:]]), ([*ids[:7], odd, *ids[8:]], plain), (ids, plain)]
    together = [labels._check(*batch, check) for batch in batches]
    monkeypatch.setattr(labels, "MIN_RECORDS", 2**62)
    assert together == [labels._check(*batch, check) for batch in batches]


@pytest.mark.parametrize("kind", ["categorical", "numeric"])
def test_a_batch_is_written_like_one_label_after_the_other(database_url, kind):
    log = open_log(database_url)
    given = ["good", "bad", "good", None] if kind == "categorical" else [0.0, 1.5, 0.0, None]
    for model in ("together", "alone"):
        log.register(model, [Column("x", "numeric"), Column("label", kind, "label")])
        rows = [{"predicted_at": START + k * timedelta(seconds=1), "x": k, "request_id": f"r{k}"} for k in range(40)]
        log.append(model, rows)
    ids = [f"r{k}" for k in range(3, 45)]
    for came, turn in ((CAME, 0), (CAME + timedelta(hours=1), 1)):
        found = [given[(k // 3 + turn * (k > 20)) % 4] for k in range(len(ids))]
        report = log.label("together", ids, found, came)
        alone = [log.label("alone", [key], [label], came) for key, label in zip(ids, found, strict=True)]
        assert report.accepted == sum(r.accepted for r in alone)
        assert [row.error for row in report.rejected] == [row.error for r in alone for row in r.rejected]
    together, alone_rows = log.read_rows("together"), log.read_rows("alone")
    assert together.label.notna().sum() > 20
    assert together.labelled_at.nunique() == 2
    assert together.drop(columns="id", errors="ignore").equals(alone_rows.drop(columns="id", errors="ignore"))
    log.close()
