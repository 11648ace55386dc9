"""The README's clients, as they stand there."""

import re
import sys
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from tests.api.servers import api_command, serving
from tests.test_readme import README

pytestmark = pytest.mark.slow

CLIENTS = [code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "requests.post" in code]


def test_the_clients_of_the_readme_log_what_they_say(reviews, settings, tmp_path, capsys):
    assert len(CLIENTS) == 2, "README must show a service and a batch job that log over HTTP."
    now = datetime.now(UTC)
    frame = pd.DataFrame({"predicted_at": [now - timedelta(seconds=k) for k in range(300)], "channel": "app"})
    frame["price"] = [None if k == 7 else k / 3 for k in range(300)]
    with serving(api_command(), settings, tmp_path) as (client, _):
        for code in CLIENTS:
            known = {"frame": frame}
            exec(code.replace("http://127.0.0.1:8501", str(client.base_url).rstrip("/")), known)  # noqa: S102
            assert known["answer"].json()["rejected"] == []
    assert "{'accepted': 1, 'rejected': []}" in capsys.readouterr().out
    rows = reviews.read_rows("reviews")
    assert rows["channel"].value_counts().to_dict() == {"app": 300, "web": 1}
    assert rows["price"].isna().sum() == 2
    assert sorted(rows.loc[rows["channel"] == "app", "predicted_at"]) == sorted(pd.to_datetime(frame["predicted_at"]))
    assert "requests" in sys.modules
