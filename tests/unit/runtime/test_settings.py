"""Settings are read as people write them; what can't be meant is refused by name."""

import pytest
from pydantic import ValidationError

from understudy.runtime.settings import ServiceSettings


@pytest.mark.parametrize("written", ["warning", "WARNING", "Warning", " warning "])
def test_a_log_level_is_taken_in_any_case(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_LOG_LEVEL", written)
    assert ServiceSettings().log_level == "WARNING"


@pytest.mark.parametrize("written", ["loud", "", "20"])
def test_an_unknown_log_level_is_refused_by_name(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_LOG_LEVEL", written)
    with pytest.raises(ValidationError, match="'DEBUG', 'INFO', 'WARNING', 'ERROR'") as refused:
        ServiceSettings()
    assert refused.value.errors()[0]["loc"] == ("log_level",)
