"""Model files: skops instead of pickle, a hash that is checked before anything is read, and a list of allowed types."""

import hashlib
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from retrain.models.fitted import FittedModel

# Types that our recipes need besides those that skops trusts (plain data, NumPy arrays, scikit-learn's estimators).
# Reviewed: a TreePredictor is three arrays; HistGradientBoosting validates its input by a partial of check_array, and
# skops examines the function inside a partial as well.
ALLOWED_TYPES = (
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)
_FIELDS = {"recipe", "columns", "classes", "vocabulary", "categories", "estimator"}


class RefusedArtifact(ValueError):
    """A model file that is not what was registered, or holds what no recipe of ours writes."""


@dataclass(frozen=True)
class Artifact:
    """A stored model file: its name in the artifacts folder and its hash."""

    uri: str
    sha256: str


def save(model: FittedModel, folder: Path, name: str) -> Artifact:
    """Write a model to `<name>.skops` in a folder; the file appears whole or not at all."""
    import skops.io

    content = {
        "recipe": model.recipe,
        "columns": list(model.columns),
        "classes": list(model.classes),
        # One text instead of thousands: skops describes each string in 150 bytes.
        "vocabulary": "\n".join(sorted(model.vocabulary)),
        "categories": {column: list(values) for column, values in model.categories.items()},
        "estimator": model.estimator,
    }
    data: bytes = skops.io.dumps(content)
    path = _path(folder, f"{name}.skops")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return Artifact(path.name, hashlib.sha256(data).hexdigest())


def load(folder: Path, uri: str, sha256: str) -> FittedModel:
    """Read a model whose file has the registered hash and holds only allowed types.

    Raises
    ------
    RefusedArtifact
        If the file is absent, has another hash, is no skops file, or holds another type; nothing of it was run.
    """
    path = _path(folder, uri)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RefusedArtifact(f"uri must name a file in the artifacts folder; got {uri}: {error.strerror}.") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise RefusedArtifact(f"sha256 of {uri} must be {sha256[:12]}… as registered; got {found[:12]}….")
    # What was hashed is what is read: the file may change meanwhile.
    return _model_from(_content(data, uri), uri)


def _path(folder: Path, name: str) -> Path:
    if Path(name).name != name or name in ("", ".", "..") or "\x00" in name:
        raise RefusedArtifact(f"uri must be the name of a file without a folder; got {name!r}.")
    return folder / name


def _content(data: bytes, uri: str) -> Any:
    import skops.io

    try:
        unknown = set(skops.io.get_untrusted_types(data=data)) - set(ALLOWED_TYPES)
        if unknown:
            raise RefusedArtifact(f"{uri} must hold only allowed types; got {', '.join(sorted(unknown))}.")
        return skops.io.load(BytesIO(data), trusted=list(ALLOWED_TYPES))
    except RefusedArtifact:
        raise
    except BadZipFile as error:
        raise RefusedArtifact(f"{uri} must be a skops file; it starts with {data[:8]!r}.") from error
    except Exception as error:  # a damaged or forged file may fail anywhere inside skops
        raise RefusedArtifact(f"{uri} must be a readable skops file; got {type(error).__name__}: {error}.") from error


def _model_from(content: Any, uri: str) -> FittedModel:
    if not isinstance(content, dict) or set(content) != _FIELDS:
        raise RefusedArtifact(f"{uri} must hold {', '.join(sorted(_FIELDS))}; got {type(content).__name__}.")
    return FittedModel(
        recipe=content["recipe"],
        columns=tuple(content["columns"]),
        classes=tuple(content["classes"]),
        estimator=content["estimator"],
        vocabulary=frozenset(content["vocabulary"].split("\n")) - {""},
        categories={column: tuple(values) for column, values in content["categories"].items()},
    )
