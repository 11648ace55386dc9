"""One word, one colour: what the documentation calls a verdict's colour is what every surface shows."""

import colorsys
import dataclasses
import re
import tomllib
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from dashboard.overview.cards import cards
from dashboard.shown.badges import BADGES
from dashboard.shown.column_figures import heat_figure, timeline_figure
from drift.board.result import Board
from drift.columns.report import ColumnReport
from drift.data.policy import Verdict
from drift.data.windows import WindowExtent
from tests.conftest import ROOT

# A colour's name in the documentation: its name in the theme, and between which hues (in degrees) it lies.
NAMES = {
    "red": ("red", 345, 365),
    "amber": ("orange", 25, 50),
    "green": ("green", 145, 185),
    "purple": ("violet", 275, 310),
    "grey": ("gray", 0, 360),
}
# In a sentence, `error` (purple), or in a table, | `error` | purple |.
SAID = re.compile(rf"`({'|'.join(get_args(Verdict))})` (?:\(|\| )({'|'.join(NAMES)})(?:\)| \|)")
THEME = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]


@pytest.fixture(scope="module")
def documented() -> dict[str, str]:
    """The colour of each verdict, as the documentation has it."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
    found = {pair for text in texts for pair in SAID.findall(" ".join(text.split()))}
    assert len(found) == len(dict(found)) == len(BADGES), f"each verdict must have one colour; got {sorted(found)}."
    return dict(found)


def is_called(colour: str, name: str) -> bool:
    """Tell whether people would call a colour such as #B4232F by a name."""
    hue, _, saturation = colorsys.rgb_to_hls(*(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)))
    _, low, high = NAMES[name]
    if name == "grey":
        return saturation < 0.2
    return saturation >= 0.2 and (low <= 360 * hue <= high or low <= 360 * hue + 360 <= high)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it, from 1 to 21."""
    parts = [[int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)] for colour in (one, other)]
    linear = [[c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in part] for part in parts]
    dark, light = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in linear)
    return (light + 0.05) / (dark + 0.05)


def board_of(verdict: Verdict) -> Board:
    """A board whose only column has a verdict."""
    numbers = {"p_value": 0.5, "adjusted_p_value": 0.5, "effect_size": 0.3, "n": 100}
    report = ColumnReport(
        column="prediction", kind="categorical", role="prediction", test="chi2", verdict=verdict, **numbers
    )
    start = datetime(2026, 11, 1, tzinfo=UTC)
    window = WindowExtent(100, start, start + timedelta(hours=1))
    return Board(model="m", n=100, window=window, reference="training", columns=(report,))


@pytest.mark.parametrize("verdict", BADGES)
def test_a_verdict_has_the_colour_that_the_documentation_names_on_every_surface(documented, verdict):
    name = documented[verdict]
    badge, board = BADGES[verdict], board_of(verdict)
    assert badge.colour == NAMES[name][0]
    assert is_called(badge.cell_colour, name)
    shown = {card.label.split(" (")[0]: card.colour for card in cards(board, [board], [None])}
    told = ("Drifted columns", "Worst effect", "Prediction p")
    assert {shown[label] for label in told} == {badge.colour}
    (mark,) = timeline_figure([board], "prediction", 0.01).data[1].marker.color
    assert is_called(mark, name)
    assert timeline_figure([board], "prediction", 0.01).data[1].marker.symbol == (badge.symbol,)
    assert heat_figure([board]).data[0].text[0][0] == badge.sign


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("verdict", BADGES)
def test_the_theme_gives_a_verdict_that_colour_on_light_and_dark_pages(documented, verdict, mode):
    theme, badge = THEME[mode], BADGES[verdict]
    assert is_called(theme[f"{badge.colour}Color"], documented[verdict])
    assert contrast(theme[f"{badge.colour}Color"], theme["backgroundColor"]) > 4.5
    assert contrast(badge.mark, theme["backgroundColor"]) > 3
    assert contrast(badge.cell_colour, "#FFFFFF") > 5.5


def test_no_two_verdicts_look_alike():
    for field in dataclasses.fields(next(iter(BADGES.values()))):
        assert len({getattr(badge, field.name) for badge in BADGES.values()}) == len(BADGES), field.name
