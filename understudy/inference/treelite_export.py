"""A numeric twin that ends in a tree ensemble → a file of trees, and of the graph before them."""

import io
import zipfile
from dataclasses import replace
from typing import Any, Final

import treelite
import treelite.sklearn

from understudy.inference.compiled import MANIFEST_FILE, TRANSFORM_FILE, TREES_FILE
from understudy.inference.manifest import Answer, Manifest
from understudy.inference.numeric_twin import NotConvertibleError
from understudy.inference.onnx_export import export, file_of

_EXACT: Final = "HistGradientBoosting"
"""Compares what it is given; scikit-learn's other trees round it to float32."""


def treelite_file(twin: Any, manifest: Manifest) -> bytes:
    """The file; raises for what is no tree ensemble, or what treelite does not take."""
    before, trees = _parts(twin)
    if manifest.answer is Answer.LABELS:
        raise NotConvertibleError("trees without probabilities")
    manifest = replace(manifest, round_inputs=not type(trees).__name__.startswith(_EXACT))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST_FILE, manifest.text())
        if before is not None:
            width = len(manifest.coding.features)
            graph = export(before, width, "float64")
            archive.writestr(TRANSFORM_FILE, file_of(graph, None, ""))
        archive.writestr(TREES_FILE, treelite.sklearn.import_model(trees).serialize_bytes())
    return held.getvalue()


def _parts(twin: Any) -> tuple[Any, Any]:
    """What comes before the trees, or None; and the trees."""
    if not hasattr(twin, "steps"):
        return None, twin
    before = [step for _, step in twin.steps[:-1] if not isinstance(step, str | None)]
    return (twin[:-1] if before else None), twin.steps[-1][1]
