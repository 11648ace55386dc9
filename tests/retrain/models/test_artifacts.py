import hashlib
import os
import pickle
from collections import Counter
from functools import partial

import numpy as np
import pytest
import skops.io

from retrain.models.artifacts import RefusedArtifact, load, save
from retrain.models.recipes import fit
from tests.retrain.models.test_fitted import COLUMNS, rows_and_labels


def put(folder, content: bytes) -> tuple[str, str]:
    (folder / "bad.skops").write_bytes(content)
    return "bad.skops", hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("recipe", ["text", "tabular"])
def test_a_model_comes_back_as_it_was_saved(recipe, tmp_path):
    rows, labels = rows_and_labels()
    model = fit(recipe, rows, labels, COLUMNS)
    artifact = save(model, tmp_path / "models", "reviews-1")
    assert artifact.uri == "reviews-1.skops"
    assert os.listdir(tmp_path / "models") == ["reviews-1.skops"]
    again = load(tmp_path / "models", artifact.uri, artifact.sha256)
    for name in ("recipe", "columns", "classes", "vocabulary", "categories"):
        assert getattr(again, name) == getattr(model, name)
    np.testing.assert_array_equal(again.predict(rows).scores, model.predict(rows).scores)


def test_a_file_with_another_hash_is_refused(tmp_path):
    rows, labels = rows_and_labels(200)
    artifact = save(fit("text", rows, labels, COLUMNS), tmp_path, "m")
    path = tmp_path / artifact.uri
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(RefusedArtifact, match=r"sha256 of m.skops must be .* as registered"):
        load(tmp_path, artifact.uri, artifact.sha256)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    uri, sha256 = put(tmp_path, pickle.dumps(Bomb(str(tmp_path / "boom"))))
    with pytest.raises(RefusedArtifact, match="must be a skops file"):
        load(tmp_path, uri, sha256)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (Counter("ab"), "collections.Counter"),
        ({"estimator": os.system}, "system"),
        ({"estimator": partial(os.mkdir, "boom")}, "mkdir"),
    ],
)
def test_a_type_that_no_recipe_writes_is_refused_by_name(content, named, tmp_path):
    uri, sha256 = put(tmp_path, skops.io.dumps(content))
    with pytest.raises(RefusedArtifact, match=rf"only allowed types; got .*{named}"):
        load(tmp_path, uri, sha256)


def test_a_skops_file_that_is_no_model_is_refused(tmp_path):
    uri, sha256 = put(tmp_path, skops.io.dumps({"recipe": "text"}))
    with pytest.raises(RefusedArtifact, match="must hold categories, classes"):
        load(tmp_path, uri, sha256)


def test_a_name_cannot_leave_the_folder(tmp_path):
    for uri in ("nul\x00", "../m.skops", "/etc/passwd", ".."):
        with pytest.raises(RefusedArtifact, match="without a folder"):
            load(tmp_path, uri, "0" * 64)
    with pytest.raises(RefusedArtifact, match="No such file"):
        load(tmp_path, "absent.skops", "0" * 64)
