"""What is told of a version: in a list, and alone."""

from typing import Final

from understudy.cli.output import cell
from understudy.contracts.registry import VersionView
from understudy.contracts.vocabulary import ArtifactFormat, BaselineSample

_TOP_FEATURES: Final = 8

COLUMNS: Final = ("VERSION", "STATE", "FORMAT", "RUNNER", "METRICS", "CREATED", "BY", "DESCRIPTION")


def row_of(version: VersionView) -> tuple[object, ...]:
    """One line of a list; see `COLUMNS`."""
    return (
        version.version,
        version.state,
        version.format,
        runner(version),
        _figures(version),
        version.created_at,
        version.created_by,
        version.description,
    )


def details_of(version: VersionView) -> list[tuple[str, object]]:
    """All that is told of one version."""
    features = (f"{f.name} ({f.kind})" for f in version.signature.features)
    return [
        ("model", version.model),
        ("version", version.version),
        ("state", version.state),
        ("decided", _decided(version)),
        ("format", version.format),
        ("runner", runner(version)),
        ("compared" if version.compiled else "not compiled", _comparison(version)),
        ("metrics", _figures(version)),
        ("baseline", baseline(version)),
        ("hangs on", _importances(version)),
        ("features", ", ".join(features)),
        ("answers", f"{version.signature.target.name} ({version.signature.target.task})"),
        ("artifact", version.artifact),
        ("reference", version.reference),
        ("evaluation", version.evaluation),
        ("time column", version.time_column),
        ("created", f"{cell(version.created_at)} by {version.created_by}"),
        ("description", version.description),
    ]


def runner(version: VersionView) -> str:
    """What serving asks."""
    compiled = version.compiled
    if version.format is ArtifactFormat.ONNX:
        return ArtifactFormat.ONNX
    return f"{compiled.kind} ×{compiled.speedup:.3g}" if compiled else "sklearn"


def _comparison(version: VersionView) -> str | None:
    compiled = version.compiled
    if compiled is None:
        return version.not_compiled
    return (
        f"{compiled.precision}; differs by {compiled.difference:.2g} at most "
        f"(allowed: {compiled.tolerance:.2g}) on {compiled.rows} rows"
    )


def baseline(version: VersionView) -> str:
    """What it was measured on, or why not."""
    found = version.baseline
    if found is None:
        return f"not measured: {version.not_measured}"
    optimistic = found.sample is BaselineSample.REFERENCE
    note = ", on which a model looks better than it is" if optimistic else ""
    return f"measured on {found.rows} rows of the {found.sample} sample{note}"


def _importances(version: VersionView) -> str | None:
    """The features that matter most, by how much the loss grows when they are shuffled."""
    found = version.baseline.importances if version.baseline else {}
    ranked = sorted(found.items(), key=lambda item: -item[1])
    rest = len(ranked) - _TOP_FEATURES
    told = [f"{name} {growth:.3g}" for name, growth in ranked[:_TOP_FEATURES]]
    return ", ".join([*told, f"and {rest} more"] if rest > 0 else told) or None


def _decided(version: VersionView) -> str | None:
    if version.decided_at is None:
        return None
    reason = f" – {version.decision_reason}" if version.decision_reason else ""
    return f"{cell(version.decided_at)} by {version.decided_by}{reason}"


def _figures(version: VersionView) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in version.metrics.items())
