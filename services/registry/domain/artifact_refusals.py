"""How artifacts are refused for what they are made of. A class's docstring says when."""

from collections.abc import Sequence
from typing import ClassVar, Final

from understudy.contracts.refusals import Fault, FieldError, Refusal

_ARTIFACT: Final = "/artifact"
_MOST_NAMED: Final = 20


class _OfTheArtifactError(Refusal):
    """Concerns the member `artifact` of the request."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, FieldError(_ARTIFACT, detail))


class ArtifactNotSkopsError(_OfTheArtifactError):
    """The artifact is not a file that skops wrote."""

    code: ClassVar = "artifact_not_skops"


class ArtifactOnnxRefusedError(_OfTheArtifactError):
    """The artifact is an ONNX model that must not be opened."""

    code: ClassVar = "artifact_onnx_refused"


class ArtifactArchiveUnsafeError(_OfTheArtifactError):
    """The artifact is an archive that skops would never have written."""

    code: ClassVar = "artifact_archive_unsafe"


class ArtifactIsPickleError(_OfTheArtifactError):
    """The artifact is a pickle, and the project takes none."""

    code: ClassVar = "artifact_is_pickle"


class PickleNotConvertedError(_OfTheArtifactError):
    """The pickle was read in the sandbox, and no skops file came of it."""

    code: ClassVar = "pickle_not_converted"


class SandboxUnavailableError(_OfTheArtifactError):
    """The project takes pickles, but nothing here could keep one from doing harm."""

    fault: ClassVar = Fault.UNSUPPORTED
    code: ClassVar = "sandbox_unavailable"


class ArtifactOtherVersionError(_OfTheArtifactError):
    """The model was saved with another release of scikit-learn than the one that would serve it."""

    code: ClassVar = "artifact_other_version"


class ArtifactTypesNotTrustedError(Refusal):
    """The artifact holds types that neither skops nor this installation trusts."""

    code: ClassVar = "artifact_types_not_trusted"

    def __init__(self, types: Sequence[str], advice: str = "") -> None:
        named = [name[:300] for name in types[:_MOST_NAMED]]
        more = ", …" if len(types) > _MOST_NAMED else ""
        self.types = tuple(types)
        super().__init__(
            f"The artifact holds types that are not trusted: {', '.join(named)}{more}. "
            f"{advice}".rstrip(),
            *(FieldError(_ARTIFACT, f"not trusted: {name}") for name in named),
        )


class ArtifactDamagedError(Refusal):
    """A stored file is not what it was when it came: its SHA-256 is another one."""

    fault: ClassVar = Fault.FAILED
    code: ClassVar = "artifact_damaged"


class StoreFullError(Refusal):
    """The disk that files are kept on is full."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "store_full"

    def __init__(self) -> None:
        super().__init__(
            "There is no room for the file where artifacts are kept; nothing was stored. "
            "An operator has to make room.",
            retry_after=60.0,
        )


class TypeNeverTrustedError(Refusal):
    """Who may name the type in a file may run code: nobody can trust it."""

    code: ClassVar = "type_never_trusted"
