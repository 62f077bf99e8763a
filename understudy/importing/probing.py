"""What a fitted model takes: asked, not guessed, in the layout in which serving will ask it."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from understudy.contracts.signature import Feature, Signature
from understudy.importing.errors import ImportingError
from understudy.inference.errors import UnfitModelError
from understudy.inference.estimators import SklearnRunner
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Scored

_UNSEEN: Final = "\N{BULLET} not in the sample"
_COMPARED: Final = 64
_LOOKED_AT: Final = 1_000
_ONE_BY_ONE: Final = 500
"""Features that are tried alone where all of them at once are refused."""
_NEAR: Final = 1e-9


def rows_of(frame: pd.DataFrame, signature: Signature) -> Rows:
    """The table's features as serving hands them over."""
    numbers = [_numbers(frame[one.name]) for one in signature.features if one.numeric]
    texts = [_texts(frame[one.name]) for one in signature.features if not one.numeric]
    stacked = np.column_stack(numbers) if numbers else np.empty((len(frame), 0))
    return Rows(stacked, tuple(texts))


class Probe:
    """Asks a model that nobody else uses: its `n_jobs` is set to 1."""

    def __init__(self, model: Any, signature: Signature, frame: pd.DataFrame) -> None:
        """Raises ImportingError when the model can't be asked as serving asks."""
        self._signature = signature
        shown = frame.head(_LOOKED_AT)
        self._rows = rows_of(shown, signature)
        try:
            with _quietly():
                self._runner = SklearnRunner(model, signature, self._rows.part(0, _COMPARED))
        except UnfitModelError as error:
            raise ImportingError("pipeline", str(error)) from error
        whole = np.flatnonzero(~shown[[*signature.names]].isna().any(axis=1).to_numpy())
        self._base = self._rows.at(whole[:1] if whole.size else np.array([0]))

    def require_same(self, answers: Any) -> None:
        """Raises ImportingError unless it answers its rows as it answered the table given."""
        head = self._rows.part(0, min(len(answers), _COMPARED))
        try:
            with _quietly():
                found = self._runner.score(head)
        except Exception as error:
            raise ImportingError(
                "pipeline",
                "it answers X_train, and refuses the same rows as serving hands them over, with "
                f"numbers as float64 and categories as text ({_told(error)}); fit it with such "
                "columns",
            ) from error
        if not self._alike(found, answers[: len(head)]):
            raise ImportingError(
                "pipeline",
                "it answers the same rows differently when numbers come as float64 and categories "
                "as text, as serving hands them over; fit it with such columns",
            )

    def taking_nulls(self) -> frozenset[str]:
        """Features whose values may be missing, for all that the model says."""
        return self._taken(self._signature.features, None)

    def taking_unseen(self) -> frozenset[str]:
        """Categories of which it takes values that it was not fitted with."""
        categories = [one for one in self._signature.features if not one.numeric]
        return self._taken(categories, _UNSEEN)

    def _taken(self, features: Sequence[Feature], value: str | None) -> frozenset[str]:
        tried = {one.name: self._changed(one, value) for one in features}
        if not tried or self._takes(joined([*tried.values()])):
            return frozenset(tried)
        alone = list(tried)[:_ONE_BY_ONE]
        return frozenset(name for name in alone if self._takes(tried[name]))

    def _changed(self, feature: Feature, value: str | None) -> Rows:
        """The one row, with that value in place of the feature's."""
        kin = [one.name for one in self._signature.features if one.numeric == feature.numeric]
        place = kin.index(feature.name)
        if not feature.numeric:
            texts = [*self._base.texts]
            texts[place] = [value]
            return replace(self._base, texts=tuple(texts))
        numbers = self._base.numbers.copy()
        numbers[:, place] = np.nan
        return replace(self._base, numbers=numbers)

    def _takes(self, rows: Rows) -> bool:
        try:
            with _quietly():
                self._runner.score(rows)
        except Exception:  # noqa: BLE001 - a foreign model refuses in its own way
            return False
        return True

    def _alike(self, found: Scored, answers: Any) -> bool:
        given, classes = np.asarray(found.values), self._signature.target.classes
        if not classes:
            return np.allclose(given, np.asarray(answers, dtype=np.float64), rtol=_NEAR)
        named = [classes[place] for place in given.astype(int)]
        return bool(named == np.asarray(answers).tolist())


class _quietly(warnings.catch_warnings):  # noqa: N801 - used like the function it extends
    """What the model warns of while it is tried is no news to whoever fitted it."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")


def _numbers(column: "pd.Series[Any]") -> Any:
    return pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)


def _texts(column: "pd.Series[Any]") -> list[str | None]:
    values = column.astype(object)
    return [None if gone else str(one) for one, gone in zip(values, values.isna(), strict=True)]


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
