"""From what an MLflow client names as a version's source to the draft that is registered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from services.registry.domain.annotations import Tags
from services.registry.domain.mlflow_refusals import (
    InvalidSourceError,
    SignatureUnreadableError,
)
from services.registry.domain.sources import (
    EVALUATION_FILE,
    MLMODEL_FILE,
    REFERENCE_FILE,
    SIGNATURE_FILE,
    Artifact,
    Folder,
    OtherVersion,
    SourceTag,
    require_model,
    source_of,
)
from services.registry.domain.staging import StagedFile
from services.registry.domain.versions import NEVER_MEASURED, NOT_TRIED, VersionDraft
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.reach import Clock
from services.registry.operations.staging import Staging
from services.registry.operations.uploads import Uploads
from services.registry.ports import ArtifactStore
from services.registry.ports.staging import Hints, SignatureReader
from understudy.contracts.registry import Sha256
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller

_SIGNATURE: Final = TypeAdapter(Signature)
_DIGEST: Final = TypeAdapter(Sha256)
_MOST_READ: Final = 2 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """The version that a client asks for."""

    model: str
    source: str
    description: str
    tags: Tags


class Sources:
    """Reads what a source holds; whatever is kept of it is registered or never named."""

    def __init__(
        self,
        *,
        staging: Staging,
        artifacts: ArtifactStore,
        uploads: Uploads,
        catalogue: Catalogue,
        reader: SignatureReader,
        clock: Clock,
    ) -> None:
        self._staging = staging
        self._artifacts = artifacts
        self._uploads = uploads
        self._catalogue = catalogue
        self._reader = reader
        self._clock = clock

    def draft(self, caller: Caller, wanted: Wanted) -> VersionDraft:
        """Raises InvalidSourceError, PickledModelError or SignatureUnreadableError among others."""
        self._catalogue.model(caller, wanted.model)
        source = source_of(wanted.source)
        if isinstance(source, Folder):
            return self._put_before(caller, wanted, source)
        if isinstance(source, Artifact):
            return self._uploaded(caller, wanted, source)
        return self._copied(caller, wanted, source)

    def _put_before(self, caller: Caller, wanted: Wanted, source: Folder) -> VersionDraft:
        found = self._staging.files(caller, source.path)
        start = len(source.path) + 1 if source.path else 0
        named = {file.path[start:]: file for file in found}
        model = require_model(source.path, named.keys())
        stated = self._stated(caller, wanted, named)
        if REFERENCE_FILE in named:
            reference = self._kept(caller, named[REFERENCE_FILE])
        else:
            reference = _digest(
                wanted, SourceTag.REFERENCE, f"put '{REFERENCE_FILE}' beside it, or"
            )
        evaluation = _optional(wanted, SourceTag.EVALUATION)
        if EVALUATION_FILE in named:
            evaluation = self._kept(caller, named[EVALUATION_FILE])
        return VersionDraft(
            model=wanted.model,
            artifact=self._kept(caller, named[model]),
            reference=reference,
            signature=stated or self._inferred(caller, wanted, named, reference),
            created_at=self._now(),
            created_by=caller.actor,
            description=wanted.description,
            evaluation=evaluation,
            time_column=wanted.tags.get(SourceTag.TIME_COLUMN),
        )

    def _uploaded(self, caller: Caller, wanted: Wanted, source: Artifact) -> VersionDraft:
        signature = self._stated(caller, wanted, {})
        if signature is None:
            raise SignatureUnreadableError(
                f"Say the signature with the version's tag '{SourceTag.SIGNATURE}': as JSON, or as "
                "the SHA-256 of an uploaded file."
            )
        return VersionDraft(
            model=wanted.model,
            artifact=source.digest,
            reference=_digest(wanted, SourceTag.REFERENCE, ""),
            signature=signature,
            created_at=self._now(),
            created_by=caller.actor,
            description=wanted.description,
            evaluation=_optional(wanted, SourceTag.EVALUATION),
            time_column=wanted.tags.get(SourceTag.TIME_COLUMN),
        )

    def _copied(self, caller: Caller, wanted: Wanted, source: OtherVersion) -> VersionDraft:
        reader = caller.wanting(Scope.READ)
        found = self._catalogue.version(reader, source.model, source.number)
        return replace(
            found.draft,
            model=wanted.model,
            created_at=self._now(),
            created_by=caller.actor,
            description=wanted.description or found.draft.description,
            compiled=NOT_TRIED,
            baseline=NEVER_MEASURED,
        )

    def _stated(
        self, caller: Caller, wanted: Wanted, named: Mapping[str, StagedFile]
    ) -> Signature | None:
        """By a file beside the model, or by the tag."""
        if SIGNATURE_FILE in named:
            return _read_signature(self._read(caller, named[SIGNATURE_FILE]), SIGNATURE_FILE)
        text = wanted.tags.get(SourceTag.SIGNATURE)
        if text is None:
            return None
        digest = _as_digest(text)
        if digest is None:
            return _read_signature(text.encode(), f"the tag {SourceTag.SIGNATURE}")
        self._uploads.require(caller, "/tags", digest)
        return _read_signature(_whole(self._artifacts.read(digest), digest), digest)

    def _inferred(
        self, caller: Caller, wanted: Wanted, named: Mapping[str, StagedFile], reference: str
    ) -> Signature:
        if MLMODEL_FILE not in named:
            raise SignatureUnreadableError(
                f"The folder holds neither '{SIGNATURE_FILE}' nor '{MLMODEL_FILE}': put one of "
                "them beside the model."
            )
        self._uploads.require(caller, "/tags", reference)
        mlmodel = self._read(caller, named[MLMODEL_FILE])
        hints = Hints(
            target=wanted.tags.get(SourceTag.TARGET),
            time_column=wanted.tags.get(SourceTag.TIME_COLUMN),
            legal_ranges=wanted.tags.get(SourceTag.RANGES) == "reference",
        )
        return self._reader.infer(mlmodel, reference, hints)

    def _kept(self, caller: Caller, file: StagedFile) -> str:
        digest = self._staging.keep(caller, file)
        self._uploads.note(caller, digest)
        return digest

    def _read(self, caller: Caller, file: StagedFile) -> bytes:
        return _whole(self._staging.read(caller, file), file.path)

    def _now(self) -> datetime:
        return self._clock()


def _whole(chunks: Iterator[bytes], name: str) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > _MOST_READ:
            raise SignatureUnreadableError(f"'{name}' has more than {_MOST_READ} bytes.")
    return bytes(content)


def _read_signature(content: bytes, place: str) -> Signature:
    try:
        return _SIGNATURE.validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(map(str, first["loc"])) or "the whole"
        raise SignatureUnreadableError(
            f"{place} holds no signature: {where}: {first['msg']}."
        ) from error


def _as_digest(text: str) -> str | None:
    try:
        return _DIGEST.validate_python(text)
    except ValidationError:
        return None


def _optional(wanted: Wanted, tag: SourceTag) -> str | None:
    return None if tag not in wanted.tags else _digest(wanted, tag, "")


def _digest(wanted: Wanted, tag: SourceTag, otherwise: str) -> str:
    digest = _as_digest(wanted.tags.get(tag, ""))
    if digest is None:
        remedy = f"{otherwise} name the SHA-256 of an uploaded file with the tag '{tag}'".strip()
        raise InvalidSourceError(f"A version needs its reference sample: {remedy}.", "/tags")
    return digest
