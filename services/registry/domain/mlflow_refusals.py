"""Ways of saying no that only callers by MLflow's protocol meet."""

from typing import ClassVar

from understudy.contracts.refusals import Fault, FieldError, Refusal


class NotATrackingServerError(Refusal):
    """Something was asked for that belongs to MLflow's tracking server, not to a registry."""

    fault: ClassVar = Fault.UNSUPPORTED
    code: ClassVar = "not_a_tracking_server"


class ImmutableError(Refusal):
    """Models and versions keep their names and stay: predictions and the trail refer to them."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "immutable"


class StagesNotSupportedError(Refusal):
    """Stages are not kept; aliases and deployments say what answers."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "stages_not_supported"


class AliasNotKnownError(Refusal):
    """An alias that names no part of a release."""

    code: ClassVar = "alias_not_known"

    def __init__(self, alias: str) -> None:
        detail = (
            f"'{alias[:100]}' is no alias here: 'champion' is a deployment's main version and "
            "'challenger' its newest challenger. Say anything else with a tag."
        )
        super().__init__(detail, FieldError("/alias", detail))


class AliasStaysError(Refusal):
    """A deployment always has a main version."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "alias_stays"


class AliasUnsetError(Refusal):
    """No version has the alias now."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "alias_unset"


class NoDeploymentError(Refusal):
    """An alias needs the deployment that it speaks of."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "no_deployment"


class ProjectNotStatedError(Refusal):
    """A model belongs to a project, and nothing says to which."""

    code: ClassVar = "project_not_stated"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, FieldError("/tags", detail))


class InvalidFilterError(Refusal):
    """A filter, or an order, that is not understood."""

    code: ClassVar = "invalid_filter"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail, FieldError(pointer, detail))


class SearchTooWideError(Refusal):
    """More would have to be looked at than one request may."""

    code: ClassVar = "search_too_wide"

    def __init__(self, most: int) -> None:
        detail = (
            f"More than {most:,} models or versions would have to be looked at: narrow the search "
            "by name (= or LIKE), and leave the order as it is."
        )
        super().__init__(detail, FieldError("/filter", detail))


class InvalidSourceError(Refusal):
    """A version's source does not lead to files that a version can be made of."""

    code: ClassVar = "invalid_source"

    def __init__(self, detail: str, pointer: str = "/source") -> None:
        super().__init__(detail, FieldError(pointer, detail))


class PickledModelError(Refusal):
    """The source holds a pickled model, which nobody loads here."""

    code: ClassVar = "pickled_model"

    def __init__(self, name: str) -> None:
        detail = (
            f"'{name}' is a pickle: whoever loads one runs what is in it, so none is taken. Save "
            "the model with serialization_format='skops'."
        )
        super().__init__(detail, FieldError("/source", detail))


class SignatureUnreadableError(Refusal):
    """No signature could be read, or inferred, from what the source holds."""

    code: ClassVar = "signature_unreadable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, FieldError("/source", detail))


class InvalidStagedPathError(Refusal):
    """A path that can't be a file's among those that wait for a registration."""

    code: ClassVar = "invalid_staged_path"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, FieldError("/path", detail))


class StagingFullError(Refusal):
    """A caller has a bounded number of files, and of bytes, that wait for a registration."""

    fault: ClassVar = Fault.TOO_LARGE
    code: ClassVar = "staging_full"
