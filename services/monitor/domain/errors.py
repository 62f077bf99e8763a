"""How the monitor says no."""

from typing import ClassVar

from understudy.contracts.refusals import Fault, Refusal


class UnknownDeploymentError(Refusal):
    """No deployment of that name is within the key's reach."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "unknown_deployment"


class NotReadyError(Refusal):
    """The monitor does not hold yet what the answer needs; asking again soon helps."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "not_ready"


class NothingObservedError(Refusal):
    """The log holds no rows to report on."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "nothing_observed"


class UnreadableDaysError(Refusal):
    """A number of days that is none, or too many."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "unreadable_days"


class InvalidWindowError(Refusal):
    """What is asked for is no window of time, or of a version that is not here."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "invalid_window"


class UnknownReportError(Refusal):
    """No report of that id is kept."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "unknown_report"


class ReportFailedError(Refusal):
    """The report process ended without a report."""

    fault: ClassVar = Fault.FAILED
    code: ClassVar = "report_failed"


class ReportDeadlineError(Refusal):
    """The report was not ready in time."""

    fault: ClassVar = Fault.DEADLINE
    code: ClassVar = "report_deadline"


class UnknownChallengerError(Refusal):
    """The version is no challenger of the current release."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "unknown_challenger"


class TooLargeRequestError(Refusal):
    """A body beyond the bound."""

    fault: ClassVar = Fault.TOO_LARGE
    code: ClassVar = "too_large"


class NothingArchivedError(Refusal):
    """Archiving is switched off."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "nothing_archived"


class UnknownPartError(Refusal):
    """The archive has no such part, or does not hand it out."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "unknown_part"


class UnknownReplayError(Refusal):
    """No such replay, or one that was lost."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "unknown_replay"


class OutOfSequenceError(Refusal):
    """A batch of a replay that is not the next one."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "out_of_sequence"


class TooManyReplaysError(Refusal):
    """As many replays as may be are under way."""

    fault: ClassVar = Fault.LIMITED
    code: ClassVar = "too_many_replays"


class BadSignatureError(Refusal):
    """A body whose signature does not fit, is too old, or is none."""

    fault: ClassVar = Fault.UNAUTHENTICATED
    code: ClassVar = "bad_signature"


class AlertsBusyError(Refusal):
    """Others told of the same deployment all the while; asking again helps."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "alerts_busy"


class AlertsUnavailableError(Refusal):
    """Alerts can't be read or written now."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "alerts_unavailable"


class WitnessSilentError(Exception):
    """Whoever could confirm an alert did not answer, or nothing that could be read."""


class WeighingFailedError(Exception):
    """Density weights could not be had."""


class MalformedRowsError(ValueError):
    """An entry's columns don't fit each other, so that it can't be counted."""


class PositionMovedError(Exception):
    """Somebody else archived the stream meanwhile: its position is read again."""


class OutcomesUnavailableError(Refusal):
    """The store of answers and labels can't be read or written now."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "outcomes_unavailable"


class UnknownOutcomesError(Exception):
    """The store of answers and labels was made by another Understudy."""


class LabelsElsewhereError(Exception):
    """Another outcome store holds the deployment's labels: of this one nothing may be concluded."""

    def __init__(self, deployment: str, holder: str | None) -> None:
        super().__init__(
            f"The labels of {deployment} are in the outcome store {holder}, not in this monitor's: "
            "give all monitors of one Redis the same UNDERSTUDY_MONITOR_OUTCOMES_URL, or delete "
            f"the Redis key understudy:{{{deployment}}}:monitor:outcomes to go on with this one, "
            "without the labels that the other has."
        )


class LeaseLostError(Exception):
    """The deployment is another monitor's by now: what was read is not counted here."""
