"""Columns of rows, as the log and samples carry them."""

from understudy.profiles.arrays import Floats

Column = Floats | list[str | None]
"""float64 with NaN, or text with None."""
