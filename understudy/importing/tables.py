"""What a model was fitted with, as samples: features, target, and columns that stand beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from understudy.importing.errors import ImportingError

_TARGET: Final = "target"
Protected = pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame] | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of one table; all three have the same ones."""

    features: pd.DataFrame
    """In the model's order."""
    target: "pd.Series[Any]"
    aside: pd.DataFrame
    """What the model never sees: protected attributes, times."""

    @property
    def whole(self) -> pd.DataFrame:
        """As it is written to a file."""
        columns = [self.features, self.aside, self.target.to_frame()]
        return pd.concat([part.reset_index(drop=True) for part in columns], axis="columns")


@dataclass(frozen=True, slots=True)
class Samples:
    """What a version brings."""

    reference: Sample
    evaluation: Sample | None
    protected: tuple[str, ...]
    time_column: str | None


def samples_of(
    model: Any,
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    protected: Protected = None,
    time_column: str | None = None,
) -> Samples:
    """Pairs of X and y; the second may be of None. Raises ImportingError."""
    x_test, y_test = test
    if (x_test is None) != (y_test is None):
        raise ImportingError("X_test", "X_test and y_test come together; give both or neither")
    frame = _frame(model, train[0], "X_train")
    held_out = None if x_test is None else _frame(model, x_test, "X_test")
    beside = _beside(protected, frame, held_out)
    names = tuple(str(name) for name in beside[0].columns)
    features = _features(model, frame, names, time_column)
    if held_out is not None:
        _require_same(frame, held_out)
    target = _target_name(train[1], {*features, *names, time_column})
    reference = _sample(
        frame, beside[0], _labels(train[1], frame, "y_train", target), features, time_column
    )
    evaluation = None
    if held_out is not None:
        labels = _labels(y_test, held_out, "y_test", target)
        evaluation = _sample(held_out, beside[1], labels, features, time_column)
    return Samples(reference, evaluation, names, time_column)


def _frame(model: Any, given: Any, argument: str) -> pd.DataFrame:
    if isinstance(given, pd.DataFrame):
        frame = given.copy(deep=False)
        frame.columns = [str(name) for name in given.columns]
        if frame.columns.has_duplicates:
            name = frame.columns[frame.columns.duplicated()][0]
            raise ImportingError(argument, f"two columns are called '{name}'; rename one")
    else:
        frame = _of_array(model, given, argument)
    if not len(frame):
        raise ImportingError(argument, "it has no rows")
    return frame


def _of_array(model: Any, given: Any, argument: str) -> pd.DataFrame:
    array = given.toarray() if hasattr(given, "toarray") else np.asarray(given)
    if array.ndim != 2:
        raise ImportingError(
            argument, f"it has the shape {array.shape}; give a DataFrame or rows × features"
        )
    names = getattr(model, "feature_names_in_", None)
    if names is None or len(names) != array.shape[1]:
        names = [f"x{place}" for place in range(array.shape[1])]
    return pd.DataFrame(array, columns=[str(name) for name in names]).infer_objects()


def _beside(
    protected: Protected, frame: pd.DataFrame, held_out: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Protected columns of both samples."""
    if protected is None or (not isinstance(protected, pd.DataFrame) and not protected):
        nothing = pd.DataFrame(index=frame.index)
        return nothing, pd.DataFrame(index=None if held_out is None else held_out.index)
    if isinstance(protected, pd.DataFrame):
        rest = protected if held_out is None else _aligned(protected, held_out, "X_test")
        return _aligned(protected, frame, "X_train"), rest
    if isinstance(protected, tuple) and all(isinstance(one, pd.DataFrame) for one in protected):
        return _pair(protected, frame, held_out)
    names = [protected] if isinstance(protected, str) else [str(name) for name in protected]
    tables = (frame, frame if held_out is None else held_out)
    for table, argument in zip(tables, ("X_train", "X_test"), strict=True):
        if absent := [name for name in names if name not in table.columns]:
            raise ImportingError("protected", f"{argument} has no column '{absent[0]}'")
    return tables[0][names], tables[1][names]


def _aligned(protected: pd.DataFrame, frame: pd.DataFrame, argument: str) -> pd.DataFrame:
    if len(protected) == len(frame) and protected.index.equals(frame.index):
        return protected
    if protected.index.is_unique and frame.index.isin(protected.index).all():
        return protected.loc[frame.index]
    raise ImportingError(
        "protected",
        f"its index does not hold the rows of {argument}; give a pair of tables, for X_train and "
        "for X_test, or one with the index of both",
    )


def _pair(
    pair: Sequence[Any], frame: pd.DataFrame, held_out: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    wanted = [frame, *([] if held_out is None else [held_out])]
    lengths = [len(one) for one in wanted]
    if [len(one) for one in pair] != lengths:
        raise ImportingError("protected", f"give one table for each sample, of {lengths} rows")
    if [*pair[0].columns] != [*pair[-1].columns]:
        raise ImportingError("protected", "both tables must have the same columns")
    return pair[0], pair[-1]


def _features(
    model: Any, frame: pd.DataFrame, protected: Sequence[str], time_column: str | None
) -> list[str]:
    """Names in the model's order."""
    if time_column is not None and time_column not in frame.columns:
        raise ImportingError("time_column", f"X_train has no column '{time_column}'")
    fitted = getattr(model, "feature_names_in_", None)
    if fitted is None:
        names = [name for name in frame.columns if name not in {*protected, time_column}]
        return _counted(model, names)
    names = [str(name) for name in fitted]
    if seen := [name for name in names if name in protected]:
        raise ImportingError(
            "protected",
            f"the model was fitted with '{seen[0]}', and a protected attribute is never a "
            "feature; fit the model without it",
        )
    if absent := [name for name in names if name not in frame.columns]:
        raise ImportingError(
            "X_train", f"it has no column '{absent[0]}', which the model was fitted with"
        )
    extra = [name for name in frame.columns if name not in {*names, *protected, time_column}]
    if extra:
        raise ImportingError(
            "X_train",
            f"the model was not fitted with '{extra[0]}'; drop it, or name it in protected or as "
            "time_column",
        )
    return names


def _counted(model: Any, names: list[str]) -> list[str]:
    count = getattr(model, "n_features_in_", len(names))
    if count == len(names):
        return names
    raise ImportingError(
        "X_train", f"it has {len(names)} features, the model was fitted with {count}"
    )


def _require_same(frame: pd.DataFrame, held_out: pd.DataFrame) -> None:
    absent = [name for name in frame.columns if name not in held_out.columns]
    extra = [name for name in held_out.columns if name not in frame.columns]
    if absent:
        raise ImportingError("X_test", f"it has no column '{absent[0]}', which X_train has")
    if extra:
        raise ImportingError("X_test", f"it has the column '{extra[0]}', which X_train has not")


def _target_name(labels: Any, taken: set[str | None]) -> str:
    """Of a Series its name; underscores are added where a column has it already."""
    name = getattr(labels, "name", None)
    found = _TARGET if name is None else str(name)
    while found in taken:
        found += "_"
    return found


def _sample(
    frame: pd.DataFrame,
    beside: pd.DataFrame,
    labels: "pd.Series[Any]",
    names: Sequence[str],
    time_column: str | None,
) -> Sample:
    aside = beside.copy(deep=False)
    aside.columns = [str(name) for name in beside.columns]
    aside.index = frame.index
    if time_column is not None and time_column not in {*names, *aside.columns}:
        aside[time_column] = frame[time_column]
    return Sample(frame[[*names]], labels, aside)


def _labels(given: Any, frame: pd.DataFrame, argument: str, name: str) -> "pd.Series[Any]":
    """The same rows in the same places: what index they have plays no part, as in scikit-learn."""
    array = np.asarray(given)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ImportingError(
            argument, f"it has the shape {array.shape}; a version answers one value a row"
        )
    if len(array) != len(frame):
        rows = f"it has {len(array)} labels for {len(frame)} rows"
        raise ImportingError(argument, f"{rows}; give one for each row, in their order")
    labels: pd.Series[Any] = pd.Series(array, index=frame.index, name=name)
    if labels.isna().any():
        raise ImportingError(
            argument, f"{int(labels.isna().sum())} labels are missing; leave those rows out"
        )
    return labels
