"""What an alarm, an answer and a snooze make of the effects of one window."""

from datetime import UTC, datetime

import pytest

from drift.data.policy import DriftPolicy
from drift.life.evidence import Alarm
from drift.life.latch import Standing, settle
from drift.life.ledger import AlarmRecord, Mark

AT = datetime(2026, 11, 22, tzinfo=UTC)
ALARM = AlarmRecord("age", Alarm(200, 100, "betting score", "values moved up by 1 sd", 1e7, 0.5), Mark(7, 7, AT), AT)


@pytest.mark.parametrize(
    ("standing", "effect_size", "verdict"),
    [
        (Standing(), 0.7, "stable"),
        (Standing(alarm=ALARM), 0.7, "drift"),
        (Standing(alarm=ALARM), 0.02, "warning"),
        (Standing(alarm=ALARM, snoozed=True), 0.7, "warning"),
        (Standing(answered=ALARM, holds_answered=True), 0.7, "warning"),
        (Standing(answered=ALARM, holds_answered=True), 0.02, "stable"),
        (Standing(answered=ALARM), 0.7, "stable"),
        (Standing(n_awaited=100), 0.7, "insufficient"),
    ],
    ids=[
        "no alarm is green whatever the effect",
        "an alarm far from the reference is red",
        "an alarm is amber at least",
        "a snoozed alarm is amber at most",
        "an answered alarm far from the reference is not green while the window holds its rows",
        "an answered alarm near the reference is over",
        "rows from after an answer need new evidence",
        "nothing is said before the first bucket is full",
    ],
)
def test_what_an_alarm_makes_of_an_effect(standing, effect_size, verdict):
    assert settle(1_000, 5_000, (effect_size, 0.0, 0.0), standing, DriftPolicy())[0] == verdict


def test_a_column_that_would_not_have_heard_a_drift_is_grey_and_its_alarm_is_shown_all_the_same():
    effects = (0.4, 0.0, 0.0)
    assert settle(1_000, 5_000, effects, Standing(phi=25.0), DriftPolicy())[0] == "insufficient"
    assert settle(1_000, 5_000, effects, Standing(phi=19.0), DriftPolicy())[0] == "stable"
    assert settle(5_000, 1_000, effects, Standing(phi=25.0), DriftPolicy())[0] == "insufficient"
    assert settle(1_000, 5_000, effects, Standing(alarm=ALARM, phi=25.0), DriftPolicy())[0] == "drift"
