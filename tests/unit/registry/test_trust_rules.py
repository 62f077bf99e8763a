"""Where the names lead that a person may trust, in the libraries that are installed."""

import importlib
import pkgutil
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from services.registry.domain.trust_rules import admitted

HARMLESS = ("numpy", "scipy", "sklearn")
SKIPPED = ("conftest", "externals", "tests", "_build_utils", "array_api_compat")


def modules(package: str) -> Iterator[Any]:
    """Those that can be imported here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = importlib.import_module(package)
        yield root
        found = pkgutil.walk_packages(root.__path__, f"{package}.", onerror=lambda _: None)
        for module in found:
            if not {*module.name.split(".")} & {*SKIPPED}:
                try:
                    yield importlib.import_module(module.name)
                except ImportError:
                    continue


@pytest.mark.parametrize("package", ["scipy.interpolate", "scipy.sparse", "sklearn"])
def test_what_may_be_trusted_belongs_to_those_who_only_calculate(package: str) -> None:
    strangers, count = dict[str, str](), 0
    for module in modules(package):
        for last, held in list(vars(module).items()):
            name = f"{module.__name__}.{last}"
            if not callable(held) or not admitted(name):
                continue
            count += 1
            owner = str(getattr(held, "__module__", None))
            restored = getattr(held, "__setstate__", None)
            of = str(getattr(restored, "__module__", None) or owner)
            for place in (owner, of):
                if place.partition(".")[0] not in {*HARMLESS, "_loss", "_propack"}:
                    strangers[name] = place
    assert strangers == {}
    assert count > 10
