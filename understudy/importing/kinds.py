"""Which kind of feature a column of a table is."""

from typing import Any, Final

import pandas as pd

from understudy.contracts.vocabulary import FeatureKind
from understudy.importing.errors import ImportingError

_OF_OBJECTS: Final = {
    "string": FeatureKind.CATEGORY,
    "empty": FeatureKind.CATEGORY,
    "boolean": FeatureKind.BOOLEAN,
    "integer": FeatureKind.INTEGER,
    "floating": FeatureKind.NUMBER,
    "mixed-integer-float": FeatureKind.NUMBER,
}
"""By what pandas says that an object column holds beside nulls."""


def kind_of(column: "pd.Series[Any]", argument: str) -> FeatureKind:
    """Raises ImportingError for what no feature can be."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _of_categories(column, argument)
    if pd.api.types.is_bool_dtype(dtype):
        return FeatureKind.BOOLEAN
    if pd.api.types.is_integer_dtype(dtype):
        return FeatureKind.INTEGER
    if pd.api.types.is_float_dtype(dtype):
        return FeatureKind.NUMBER
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        raise ImportingError(
            argument,
            f"column '{column.name}' holds times ({dtype}), which no feature can be; make it a "
            "number (days since some date) before the model, or name it as time_column if it only "
            "says when a row was",
        )
    held = pd.api.types.infer_dtype(column, skipna=True)
    if held not in _OF_OBJECTS:
        raise ImportingError(
            argument,
            f"column '{column.name}' holds {held} values ({_kinds(column)}); make it all text, all "
            "numbers or all booleans, with None or NaN for what is missing",
        )
    return _OF_OBJECTS[held]


def _of_categories(column: "pd.Series[Any]", argument: str) -> FeatureKind:
    if all(isinstance(value, str) for value in column.cat.categories):
        return FeatureKind.CATEGORY
    raise ImportingError(
        argument,
        f"column '{column.name}' holds categories that are no text; make them text "
        "(.astype(str)), or numbers (.astype(float)), and fit the model with that",
    )


def _kinds(column: "pd.Series[Any]") -> str:
    return ", ".join(sorted({type(value).__name__ for value in column.dropna()})[:5])
