"""The monitor's process goes without pandas, and Arrow does its work without."""

import subprocess
import sys

_WORK = """
from services.monitor.__main__ import without_pandas
without_pandas()
import sys
import numpy as np
import pyarrow as pa
found = pa.array(np.array([1.0, np.nan]), pa.float64(), from_pandas=True)
assert found.to_pylist() == [1.0, None], found
assert pa.array(["a", None]).to_pylist() == ["a", None]
assert "pandas" not in sys.modules
"""


def test_arrow_needs_no_pandas() -> None:
    ended = subprocess.run([sys.executable, "-c", _WORK], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
