"""Where the log is kept, told without secrets."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from drift.data.windows import Column
from storage import open_log
from storage.database.description import describe_database

pytestmark = pytest.mark.each_database


def test_a_database_is_told_by_its_kind_and_grows_with_its_rows(database_url):
    log = open_log(database_url)
    before = describe_database(log)
    log.register("m", [Column("a", "numeric")])
    at = datetime(2026, 9, 1, tzinfo=UTC)
    log.append("m", [{"predicted_at": at + timedelta(seconds=k), "a": k / 7} for k in range(20_000)])
    after = describe_database(log)
    log.close()
    assert before.kind == ("SQLite" if database_url.startswith("sqlite") else "PostgreSQL")
    assert after.n_bytes > before.n_bytes + 20_000 * 8


def test_no_part_of_a_password_is_told_wherever_it_stands_in_the_url(postgres_url):
    with_secrets = postgres_url.replace("drift@", "drift:hunter2@") + "&password=hunter3"
    log = open_log(with_secrets)
    told = str(asdict(describe_database(log)))
    log.close()
    assert "hunter" not in told
    assert "PostgreSQL" in told
