"""What reports on its use to its maker is told not to, before it begins."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_onnx_runtime_draws_no_device_id(tmp_path: Path) -> None:
    # Clean: on a machine that it takes for a builder it would be silent unasked.
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    load = [sys.executable, "-c", "import understudy.inference.compiled"]
    subprocess.run(load, env=environment, check=True, cwd=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
