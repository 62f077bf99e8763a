"""Children at work end with the registry, and what they had said by then is not taken for all."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.registry.adapters.inspection.children import Children
from services.registry.domain.errors import InspectionBusyError

SAYS_AND_STAYS = (sys.executable, "-c", "import time; print('fit', flush=True); time.sleep(600)")


def test_all_end_at_once_and_whoever_waits_for_one_is_told() -> None:
    children, heard = Children(), threading.Event()

    def listen() -> bytes:
        with children.started(SAYS_AND_STAYS, b"") as child:
            first = child.line(60)
            heard.set()
            child.line(600)
        return first

    def give_in() -> bytes:
        with children.started(SAYS_AND_STAYS, b"") as child:
            return child.line(60)

    assert give_in() == b"fit"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(listen)
        assert heard.wait(60)
        children.end()
        with pytest.raises(InspectionBusyError, match="stopping"):
            waiting.result(60)
    with pytest.raises(InspectionBusyError, match="stopping"):
        give_in()


def test_half_of_what_was_found_is_nothing() -> None:
    children = Children()

    def found() -> bytes:
        with children.started(SAYS_AND_STAYS, b"") as child:
            said = child.line(60)
            children.end()
            return said

    with pytest.raises(InspectionBusyError, match="stopping"):
        found()
