"""Subjects made from frames, as the child reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from services.registry.adapters.reviewing.subject import Subject
from tests.fakes.reviewing import subject_of
from tests.unit.registry.review_results.frames import signature_of
from understudy.contracts.signature import Signature

Make = Callable[..., Subject]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A subject of a model that is fitted on the reference sample here."""

    def subject(
        model: Any,
        reference: pd.DataFrame,
        evaluation: pd.DataFrame | None = None,
        *,
        main: Any | None = None,
        at: str | None = None,
        signature: Signature | None = None,
    ) -> Subject:
        signed = signature or signature_of(reference, at)
        for one in (model, main):
            if one is not None and not hasattr(one, "n_features_in_"):
                known = reference.dropna(subset=["label"])
                one.fit(known[[*signed.names]].to_numpy(), known["label"].to_numpy())
        return subject_of(tmp_path, model, signed, reference, evaluation, main=main, time_column=at)

    return subject
