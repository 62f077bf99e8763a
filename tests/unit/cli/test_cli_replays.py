"""What a replay refuses at once, and how an audit is told."""

import pytest

from tests.fakes.registry_bodies import deployment, release
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.cli.replays import _largest


def test_the_main_is_no_candidate(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(4, 3, 1)))
    result = run("replay", "risk", "--challenger", "3")
    assert result.exit_code == 2
    assert "understudy replay risk --main" in " ".join(result.stderr.split())
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("worst", "said"), [(0.0, "0"), (2e-16, "0 but for rounding (2e-16)"), (0.01234, "0.012")]
)
def test_rounding_is_called_so(worst: float, said: str) -> None:
    assert _largest(worst) == said
