"""The closed sets and identifiers that every part of Understudy speaks in."""

from enum import StrEnum
from typing import NewType

DeploymentName = NewType("DeploymentName", str)
ModelName = NewType("ModelName", str)
ProjectName = NewType("ProjectName", str)
VersionNumber = NewType("VersionNumber", int)
ReleaseNumber = NewType("ReleaseNumber", int)
PredictionId = NewType("PredictionId", str)
KeyId = NewType("KeyId", str)
Digest = NewType("Digest", str)
"""SHA-256 of a file's bytes, 64 lower-case hexadecimal digits."""

Label = bool | int | float | str
"""A class label or a regression value, as JSON carries it."""

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""Names of projects, models and deployments: DNS labels, so that they fit URLs and Kubernetes."""

DIGEST_PATTERN = r"^[0-9a-f]{64}$"

PREDICTION_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"


class VersionState(StrEnum):
    """Where a version stands in its review."""

    PENDING = "pending"
    DEPLOYED = "deployed"
    PERSISTED = "persisted"
    IGNORED = "ignored"


class Decision(StrEnum):
    """What a reviewer may decide of a pending version."""

    DEPLOY = "deploy"
    PERSIST = "persist"
    IGNORE = "ignore"


class Role(StrEnum):
    """Which part a version plays in a release."""

    MAIN = "main"
    CHALLENGER = "challenger"


class AccessLevel(StrEnum):
    """Who may ask a deployment for predictions."""

    PUBLIC = "public"
    INSTANCE = "instance"
    PROJECT = "project"


class Scope(StrEnum):
    """What a key may do. `admin` covers the others; `follow` and `metrics` are for machines."""

    PREDICT = "predict"
    LABEL = "label"
    READ = "read"
    ADMIN = "admin"
    FOLLOW = "follow"
    METRICS = "metrics"


class ReleaseKind(StrEnum):
    """Which verb made a release."""

    DEPLOY = "deploy"
    CHALLENGE = "challenge"
    WITHDRAW = "withdraw"
    PROMOTE = "promote"
    SWAP = "swap"
    ROLLBACK = "rollback"


class FormerMain(StrEnum):
    """What becomes of the main version that a promotion replaces."""

    CHALLENGER = "challenger"
    RETIRED = "retired"


class FeatureKind(StrEnum):
    """How a feature's values are written."""

    NUMBER = "number"
    INTEGER = "integer"
    CATEGORY = "category"
    BOOLEAN = "boolean"


class Task(StrEnum):
    """What a model answers: one class of several, or a number."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class Outcome(StrEnum):
    """How one scoring of one row ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"


class Component(StrEnum):
    """Processes that follow the registry's snapshot."""

    SERVING = "serving"
    CHALLENGER = "challenger"
    MONITOR = "monitor"


def class_name(label: Label) -> str:
    """How a class is called where JSON has only text: names of members, labels of metrics."""
    return str(label).lower() if isinstance(label, bool) else str(label)
