"""A run of the fuzzer; `make fuzz SECONDS=600` is a long one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="atheris has wheels for Linux on x86-64 alone")

ROOT = Path(__file__).parents[2]
SECONDS = int(os.environ.get("UNDERSTUDY_FUZZ_SECONDS", "60"))


@pytest.mark.timeout(SECONDS + 120)
def test_nothing_that_is_sent_breaks_a_decoder(tmp_path: Path) -> None:
    options = [f"-max_total_time={SECONDS}", "-max_len=8192", "-rss_limit_mb=1500", "-timeout=10"]
    script = str(Path(__file__).with_name("decoders.py"))
    found = subprocess.run(
        [sys.executable, script, str(tmp_path / "corpus"), *options],
        cwd=tmp_path,  # inputs that fail are written there
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    told = found.stderr.decode(errors="replace") + found.stdout.decode(errors="replace")
    sys.stdout.write(told[-1_500:])
    assert found.returncode == 0, told[-4_000:]
    assert "Done " in told
