"""The closed sets and identifiers that every part of Understudy speaks in."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NewType

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
FINGERPRINT_PATTERN = r"^[0-9A-Za-z]{1,64}$"

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


class ArtifactFormat(StrEnum):
    """How a version's model is kept. Neither format runs code of the file when it is read."""

    SKOPS = "skops"
    ONNX = "onnx"


class ReviewState(StrEnum):
    """Whether a version's review is there to be read."""

    MISSING = "missing"
    RUNNING = "running"
    MADE = "made"
    FAILED = "failed"


class Severity(StrEnum):
    """What a finding of a review means for the gate."""

    BLOCK = "block"
    """Nobody deploys the version but by an override."""
    WARN = "warn"
    """Something is probably wrong."""
    LOOK = "look"
    """Worth a look; nothing is wrong by itself."""


class FindingCode(StrEnum):
    """The closed set of what a review may find."""

    FAILED_CHECK = "failed_check"
    """A sample does not hold what the signature or the version's own statements say."""
    FEW_ROWS = "few_rows"
    NO_EVALUATION = "no_evaluation"
    """Everything was measured on rows that the model was trained on."""
    SAMPLED = "sampled"
    """A sample is larger than what was read of it."""
    ONE_CLASS = "one_class"
    IMBALANCE = "imbalance"
    DUPLICATES = "duplicates"
    OVERLAP = "overlap"
    """Rows that the model was trained on are in the evaluation sample."""
    CONSTANT_FEATURE = "constant_feature"
    MOSTLY_MISSING = "mostly_missing"
    CORRELATED_FEATURES = "correlated_features"
    SUSPICIOUS_SCORE = "suspicious_score"
    """Better out of sample than most honest problems allow."""
    NEAR_PERFECT_SCORE = "near_perfect_score"
    SINGLE_FEATURE = "single_feature"
    """One feature alone gives the label away."""
    IDENTIFIER_ON_TOP = "identifier_on_top"
    """What the model leans on most tells rows or moments apart, not kinds of rows."""
    TIME_SPLIT_DROP = "time_split_drop"
    """Later rows are answered worse than the evaluation promises."""
    NOT_BETTER_THAN_DUMMY = "not_better_than_dummy"
    WORSE_THAN_MAIN = "worse_than_main"
    MISCALIBRATED = "miscalibrated"
    WEAK_SLICE = "weak_slice"
    IRRELEVANT_FEATURE = "irrelevant_feature"
    FRAGILE_TO_MISSING = "fragile_to_missing"
    UNFAIR = "unfair"
    SMALL_GROUP = "small_group"
    PROXY = "proxy"
    """A feature stands in for a protected attribute."""


class Question(StrEnum):
    """What a version's questionnaire asks."""

    OBJECTIVE = "objective"
    LABEL_MEANING = "label_meaning"
    CONSTRAINTS = "constraints"
    INTENDED_USE = "intended_use"
    OUT_OF_SCOPE = "out_of_scope"
    FAIRNESS = "fairness"
    """Which definition of fairness was chosen, and why."""
    MONITORING = "monitoring"
    RETRAINING = "retraining"


class ObstacleCode(StrEnum):
    """What stands between a pending version and its deployment."""

    NO_REVIEW = "no_review"
    NOT_OPENED = "not_opened"
    """Who decides has not opened the present review."""
    REVIEW_STALE = "review_stale"
    TRAINING_STALE = "training_stale"
    FINDING = "finding"
    METRIC = "metric"
    QUESTION = "question"
    SAME_PERSON = "same_person"
    UNSIGNED = "unsigned"


class TrustState(StrEnum):
    """Where a type that artifacts want to hold stands."""

    ASKED = "asked"
    TRUSTED = "trusted"
    DENIED = "denied"


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
    REGISTER = "register"
    """Make models, upload files and register versions of them."""
    REVIEW = "review"
    """End the review of a pending version."""
    DEPLOY = "deploy"
    """Make, change and delete deployments, and issue keys to those who use them."""
    ADMIN = "admin"
    FOLLOW = "follow"
    METRICS = "metrics"
    RELEASE = "release"
    """Promote and roll back, nothing else: for the monitor and for pipelines."""
    ALERT = "alert"
    """Tell the monitor of alerts, nothing else: for Alertmanager."""


class MemberRole(StrEnum):
    """What a member of a project is there for. A member may have several roles."""

    VIEWER = "viewer"
    SCIENTIST = "scientist"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the role allows within the project."""
        return _ROLE_SCOPES[self]


_ROLE_SCOPES: Final[Mapping[MemberRole, frozenset[Scope]]] = {
    MemberRole.VIEWER: frozenset({Scope.READ}),
    MemberRole.SCIENTIST: frozenset({Scope.READ, Scope.PREDICT, Scope.LABEL, Scope.REGISTER}),
    MemberRole.OPERATOR: frozenset(
        {Scope.READ, Scope.PREDICT, Scope.LABEL, Scope.DEPLOY, Scope.RELEASE}
    ),
    MemberRole.APPROVER: frozenset({Scope.READ, Scope.REVIEW}),
    MemberRole.ADMIN: frozenset({Scope.ADMIN}),
}


class JobState(StrEnum):
    """Where long work stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class ReleaseKind(StrEnum):
    """Which verb made a release."""

    DEPLOY = "deploy"
    CHALLENGE = "challenge"
    WITHDRAW = "withdraw"
    PROMOTE = "promote"
    SWAP = "swap"
    ROLLBACK = "rollback"
    CONFIGURE = "configure"


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


class Durability(StrEnum):
    """When a prediction may be answered.

    `strict`: once its row is safe, in Redis or on disk. `relaxed`: at once; a bounded number of
    rows may be unsafe for a moment.
    """

    STRICT = "strict"
    RELAXED = "relaxed"


class TypePolicy(StrEnum):
    """What becomes of a value of the wrong JSON type whose meaning is plain, such as `"12"`."""

    STRICT = "strict"
    BEST_EFFORT = "best_effort"


class GuardAction(StrEnum):
    """What becomes of a row that meets a guard rule."""

    FLAG = "flag"
    REFUSE = "refuse"
    OVERRIDE = "override"


class GuardRuleName(StrEnum):
    """What a guard rule watches for."""

    OUT_OF_RANGE = "out_of_range"
    UNSEEN_CATEGORY = "unseen_category"
    LOW_CONFIDENCE = "low_confidence"


class WarningCode(StrEnum):
    """Why an answer carries a warning: a rule, a value read as another type, what can't be had."""

    COERCED = "coerced"
    OUT_OF_RANGE = "out_of_range"
    UNSEEN_CATEGORY = "unseen_category"
    LOW_CONFIDENCE = "low_confidence"
    CONFIDENCE_NOT_AVAILABLE = "confidence_not_available"


class CompiledKind(StrEnum):
    """What a compiled model runs on."""

    ONNX = "onnx"
    TREELITE = "treelite"


class BaselineSample(StrEnum):
    """Which sample a version's baseline was measured on."""

    EVALUATION = "evaluation"
    REFERENCE = "reference"


class LossName(StrEnum):
    """What an answer costs once its label is known; smaller is better."""

    BRIER = "brier"
    """Half the squared distance between probabilities and the true class: 0 to 1."""
    LOG_LOSS = "log_loss"
    ZERO_ONE = "zero_one"
    ABSOLUTE = "absolute"
    SQUARED = "squared"


class ActionMode(StrEnum):
    """What becomes of a verdict."""

    OFF = "off"
    RECOMMEND = "recommend"
    AUTOMATIC = "automatic"


class DriftStrata(StrEnum):
    """Which reference rows live rows are compared with."""

    NONE = "none"
    HOUR_OF_DAY = "hour_of_day"
    DAY_OF_WEEK = "day_of_week"
    HOUR_OF_WEEK = "hour_of_week"


class DriftKind(StrEnum):
    """What of a subject drifted."""

    SHAPE = "shape"
    MISSING = "missing"
    UNSEEN = "unseen"
    OUT_OF_RANGE = "out_of_range"
    POOLED = "pooled"
    INTERACTION = "interaction"


class Verdict(StrEnum):
    """What the monitor concludes of a deployment."""

    PROMOTE = "promote"
    KEEP = "keep"
    """Every challenger that could be judged is worse."""
    EQUIVALENT = "equivalent"
    ROLL_BACK = "roll_back"
    WAIT = "wait"
    NO_DATA = "no_data"


class RuleName(StrEnum):
    """Which rule led to a verdict, or stands in its way."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    TOO_FEW_LABELS = "too_few_labels"
    NO_CHALLENGER = "no_challenger"
    NO_TRAFFIC = "no_traffic"
    NO_LABELS = "no_labels"
    ERRORS = "errors"
    SLOW = "slow"
    INVALID = "invalid"
    FAIRNESS = "fairness"
    RISK = "risk"
    ALERT = "alert"


class AlertState(StrEnum):
    """Whether an alert fires, as far as anybody has told."""

    FIRING = "firing"
    RESOLVED = "resolved"
    EXPIRED = "expired"
    """Nobody has repeated for long that it fires."""


class AlertOutcome(StrEnum):
    """What became of an alert that was told."""

    TAKEN = "taken"
    RESOLVED = "resolved"
    IGNORED = "ignored"
    """It names no deployment, or tells nothing new."""
    UNKNOWN = "unknown"
    """There is no deployment of that name, or the key does not reach it."""
    REFUSED = "refused"
    """It can't be true, or there is no room for it."""


class Component(StrEnum):
    """Processes that follow the registry's snapshot."""

    SERVING = "serving"
    CHALLENGER = "challenger"
    MONITOR = "monitor"


def class_name(label: Label) -> str:
    """How a class is called where JSON has only text: names of members, labels of metrics."""
    return str(label).lower() if isinstance(label, bool) else str(label)


class BreakKind(StrEnum):
    """How the audit trail's chain is broken."""

    CHANGED = "changed"
    """What an entry holds, or its hash."""
    MISSING = "missing"
    """Entries are gone from between others."""
    ADDED = "added"
    """Entries are there that no change has left."""
    REORDERED = "reordered"
    """An entry stands in another's place."""
    CUT = "cut"
    """Entries are gone from the end."""
    HEAD = "head"
    """What the last change noted of its entry is not what the entry says."""
    REWRITTEN = "rewritten"
    """A hash that was noted elsewhere is not in the chain."""
    CONTRADICTED = "contradicted"
    """A version, a policy or a release is not as its entry says, or has none."""
