"""What the texts of a window say that is new: one report for every front end."""

from dataclasses import asdict, dataclass
from typing import Any

from drift.text.meaning import TextDistance
from drift.text.words import NewWords


@dataclass(frozen=True)
class TextReport:
    """What the texts of a window say that is new; `distance` is None where too few texts were there, for `why_not`."""

    words: NewWords
    distance: TextDistance | None
    why_not: str = ""

    @property
    def said(self) -> str:
        """Both findings in sentences."""
        return f"{self.words.said} {self.distance.said if self.distance else self.why_not}"

    def to_json(self) -> dict[str, Any]:
        """Return the report for machines."""
        return asdict(self) | {"sentence": self.said}
