"""Guesses which column of a file holds which field of the log, for a person to confirm."""

import re
from collections.abc import Callable, Mapping

import pandas as pd

from storage.checking.time_forms import share_read
from storage.checking.times import UnclearTimes, recognise
from storage.importing.inference import check_feature
from storage.importing.kinds import MOSTLY, is_time

# How people and libraries call them, the most telling names first; compared without regard to case and punctuation.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "predicted_at": (
        *("predicted_at", "prediction_time", "prediction_timestamp", "timestamp", "ts", "time", "datetime"),
        *("event_time", "event_timestamp", "event_at", "request_time", "created_at", "time_stamp", "date"),
    ),
    "prediction": (
        *(
            "prediction",
            "predicted",
            "predicted_label",
            "predicted_class",
            "predicted_value",
            "y_pred",
            "pred",
            "y_hat",
        ),
        *("predictions", "preds", "model_output", "predicted_value"),
    ),
    "score": (
        *("score", "probability", "predicted_probability", "y_pred_proba", "proba", "prob", "y_score", "confidence"),
        *("y_prob", "y_proba", "pred_proba", "prediction_score", "prediction_probability", "model_score"),
    ),
    "label": (
        *("label", "target", "y_true", "true_label", "ground_truth", "actual", "y", "outcome", "truth", "actuals"),
        *("true_class", "actual_label", "actual_class", "true_value", "actual_value", "observed"),
    ),
    "labelled_at": ("labelled_at", "labeled_at", "label_time", "label_timestamp", "labelled_time"),
    "request_id": ("request_id", "prediction_id", "event_id", "row_id", "id", "uuid", "identifier", "record_id"),
    "entity_id": ("entity_id", "customer_id", "user_id", "client_id", "account_id", "device_id"),
    "version": ("version", "model_version"),
    "text": ("text", "review", "comment", "message", "body"),
}
# What names begin or end with that say what of: predicted_temp, actual_temp, proba_rain.
_ABOUT: Mapping[str, re.Pattern[str]] = {
    "score": re.compile(r"(proba|prob|probability|probabilities)[_ .-].+|.+[_ .-](proba|prob|probability)", re.I),
    "prediction": re.compile(r"(predicted|pred|prediction|yhat)[_ .-].+|.+[_ .-](pred|prediction|predicted|hat)", re.I),
    "label": re.compile(r"(actual|true|target|observed)[_ .-].+|.+[_ .-](actual|true|target|label)", re.I),
}
# Of the first rows.
_LOOKED_AT = 200
_DISTINCT = 0.99


def guess_fields(sample: pd.DataFrame) -> dict[str, str]:
    """Return field of the log -> column of the file, for the fields that a column seems to hold.

    Times, numbers and ids must also look like it, but for a few bad values. Where no column is called like a time, the
    first one that holds times is taken.

    Parameters
    ----------
    sample : the first rows of the file, every column as it stands there

    Returns
    -------
    dict
        Only fields for which a column was found; each column stands in it once.

    Examples
    --------
    >>> guess_fields(pd.DataFrame({"When": ["2026-11-23T14:00"], "y_pred": ["a"], "id": [7], "age": [31]}))
    {'predicted_at': 'When', 'prediction': 'y_pred', 'request_id': 'id'}
    """
    by_name = {_plain(name): name for name in reversed(list(sample.columns))}
    found: dict[str, str] = {}
    for field, names in _NAMES.items():
        fits = _FITS.get(field, lambda values: True)
        called = (by_name[name] for each in names if (name := _plain(each)) in by_name)
        guess = next((name for name in called if name not in found.values() and fits(sample[name])), None)
        if guess is None and field == "predicted_at":
            guess = next((name for name in sample.columns if _is_time(sample[name])), None)
        if guess is not None:
            found[field] = guess
    return found | _about(sample, found)


def _about(sample: pd.DataFrame, found: Mapping[str, str]) -> dict[str, str]:
    """Guess from names that say what they are about; where two columns could be it, neither is."""
    exact = {_plain(name) for names in _NAMES.values() for name in names}
    guessed: dict[str, str] = {}
    for field, pattern in _ABOUT.items():
        taken = {*found.values(), *guessed.values()}
        fits = _FITS.get(field, lambda values: True)
        called = [name for name in sample.columns if pattern.fullmatch(name) and _plain(name) not in exact]
        fitting = [name for name in called if name not in taken and fits(sample[name]) and not _is_time(sample[name])]
        if field not in found and len(fitting) == 1:
            guessed[field] = fitting[0]
    return guessed


def cannot_be_features(sample: pd.DataFrame) -> dict[str, str]:
    """Return the columns whose names the log does not take for a feature, each with what is wrong with it.

    Parameters
    ----------
    sample : the first rows of the file

    Returns
    -------
    dict
        Column -> what is wrong with its name; empty where all can be features.
    """
    faults = {}
    for name in sample.columns:
        try:
            check_feature(name)
        except ValueError as error:
            faults[name] = str(error)
    return faults


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _is_number(values: pd.Series) -> bool:
    numbers = pd.to_numeric(values.dropna(), errors="coerce")
    return bool(numbers.notna().mean() >= MOSTLY)


def _is_time(values: pd.Series) -> bool:
    text = values.dropna().head(_LOOKED_AT).map(str).astype("string")
    dated = text[text.str.match(r"\d{4}-\d{2}-\d{2}").fillna(False)]
    return len(dated) >= max(MOSTLY * len(text), 1) and is_time(dated)


def _may_be_time(values: pd.Series) -> bool:
    """Tell whether a column that is called like a time holds some, in whatever form, be it clear or not."""
    present = values.dropna().head(_LOOKED_AT)
    try:
        return share_read(present, recognise(present, "")) >= MOSTLY
    except UnclearTimes as unclear:
        return unclear.is_of_times


def _is_id(values: pd.Series) -> bool:
    """Tell whether nearly every row has a value of its own: rows that share one would be rejected as sent twice."""
    return bool(values.notna().all() and values.map(str).nunique() >= _DISTINCT * len(values))


_FITS: Mapping[str, Callable[[pd.Series], bool]] = {
    "predicted_at": _may_be_time,
    "labelled_at": _may_be_time,
    "score": _is_number,
    "request_id": _is_id,
}
