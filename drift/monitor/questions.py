"""Questions that are asked on demand: all columns at once, and what the texts of a window say that is new."""

from drift.data.windows import TimeSpan, Window
from drift.monitor.source import Source
from drift.text.joint import JointResult, joint_test
from drift.text.meaning import text_distance
from drift.text.report import TextReport
from drift.text.words import new_words

MAX_TEXTS = 8_000


def joint(
    source: Source, model: str, window: Window, reference: str | Window | None, alpha: float = 0.01
) -> JointResult:
    """Test whether a window's features changed together.

    Parameters
    ----------
    reference : name of a frozen one, or another window; None is the default one

    Raises
    ------
    ValueError
        If the reference is unknown or none is frozen, or the window or the reference is too small.
    """
    columns = [column for column in source.columns(model) if column.role == "feature"]
    if isinstance(reference, Window):
        before = source.read_window(model, reference, columns)
    else:
        before = source.read_reference(model, _frozen(source, model, reference)[0], columns)
    return joint_test(before, source.read_window(model, window, columns), alpha=alpha)


def words(source: Source, model: str, window: Window, reference: str | Window | None) -> TextReport:
    """Compare the texts of a window with those of a reference's time, or of another window.

    Raises
    ------
    ValueError
        If the reference is unknown or none is frozen, or one of them holds no text.
    """
    span = reference if isinstance(reference, Window) else _frozen(source, model, reference)[1]
    before, now = source.read_texts(model, span, MAX_TEXTS), source.read_texts(model, window, MAX_TEXTS)
    found = new_words(before, now)
    try:
        return TextReport(found, text_distance(before, now))
    except ValueError as error:
        return TextReport(found, None, str(error))


def _frozen(source: Source, model: str, reference: str | None) -> tuple[str, TimeSpan]:
    known = source.references(model)
    found = source.default_reference(model) if reference is None else None
    for record in known:
        if record.name == (found.name if found else reference):
            return record.name, TimeSpan(record.start, record.end)
    names = ", ".join(record.name for record in known) or "none is frozen yet"
    raise ValueError(f"reference must be a frozen one ({names}); got {reference!r}.")
