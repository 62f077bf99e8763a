"""What a loaded model may not hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from understudy.inference.errors import UnfitModelError
from understudy.inference.estimators import read_model
from understudy.inference.harmless import disarm


def column(vectorizer: Any) -> Any:
    return make_pipeline(ColumnTransformer([("text", vectorizer, "note")]), LogisticRegression())


@pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
@pytest.mark.parametrize("setting", ["filename", "file", "Content", None])
def test_a_vectorizer_that_reads_files_is_refused_wherever_it_is(kind: Any, setting: Any) -> None:
    vectorizer = kind(input=setting)
    held = np.empty(1, dtype=object)
    held[0] = [vectorizer]
    hidden = LogisticRegression()
    hidden.other_ = {"deep": (held,)}
    for model in (
        vectorizer,
        column(vectorizer),
        FeatureUnion([("one", make_pipeline(vectorizer))]),
        VotingClassifier([("one", column(vectorizer))]),
        hidden,
    ):
        with pytest.raises(UnfitModelError, match="files that rows name"):
            disarm(model)


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("note__input", ["content", "filename"]),
        ("note__input", np.array(["filename"])),
        ("input", ["filename"]),
        ("one__memory", ["/somewhere"]),
    ],
)
def test_searches_do_not_set_what_reads_files(setting: str, values: Any) -> None:
    search = GridSearchCV(column(CountVectorizer()), [{setting: values}])
    with pytest.raises(UnfitModelError, match=setting):
        disarm(search)


def test_places_to_cache_in_are_taken_away(tmp_path: Path) -> None:
    inner = Pipeline([("last", LogisticRegression())], memory=str(tmp_path / "inner"))
    model = Pipeline([("inner", inner)], memory=str(tmp_path / "outer"))
    disarm(model)
    assert (model.memory, inner.memory) == (None, None)


def test_ordinary_models_pass(tmp_path: Path) -> None:
    words = CountVectorizer().fit(["input memory filename", "file content"])
    model = make_pipeline(words, LogisticRegression())
    model.fit(["file content", "memory"], [0, 1])
    path = tmp_path / "model"
    skops.io.dump(GridSearchCV(model, {"countvectorizer__min_df": [1, 2]}), path)
    read = read_model(path, ["numpy.dtype"])
    assert read.estimator["countvectorizer"].input == "content"
    with_a_cycle = LogisticRegression()
    with_a_cycle.self_ = [with_a_cycle]
    disarm(with_a_cycle)


def test_a_file_that_holds_one_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model"
    skops.io.dump(column(HashingVectorizer(input="filename")), path)
    with pytest.raises(UnfitModelError, match="HashingVectorizer"):
        read_model(path, [])
