"""How a version comes in: its files are inspected, measured, compiled; then it is reviewed."""

from collections.abc import Callable
from dataclasses import replace

from services.registry.domain.annotations import NO_TAGS, Tags
from services.registry.domain.artifact_refusals import ArtifactTypesNotTrustedError
from services.registry.domain.audit import Action, Entry
from services.registry.domain.catalogue import Model
from services.registry.domain.jobs import Step
from services.registry.domain.recipes import require_thawed
from services.registry.domain.versions import Baseline, Compiled, Version, VersionDraft
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.jobs import silently
from services.registry.operations.reviews import Reviews
from services.registry.operations.trust import Trust
from services.registry.operations.uploads import Uploads
from services.registry.ports import (
    CatalogueStore,
    Inspected,
    Inspector,
    Instruments,
    Sample,
    StateStore,
)
from services.registry.ports.attesting import Attester
from understudy.runtime.keys import Caller


class Registration:
    """Takes versions in. What it refuses leaves nothing behind but the files that were sent."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        store: CatalogueStore,
        state: StateStore,
        uploads: Uploads,
        inspector: Inspector,
        reviews: Reviews | None,
        instruments: Instruments,
        trust: Trust,
        allows_pickle: Callable[[str], bool] = lambda _project: False,
        attester: Attester | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._state = state
        self._uploads = uploads
        self._inspector = inspector
        self._reviews = reviews
        """None where reviews are made when somebody asks."""
        self._instruments = instruments
        self._trust = trust
        self._allows_pickle = allows_pickle
        """By project, as its gate says."""
        self._attester = attester
        """Without one no attestation is verified, and none counts at the gate."""

    def register(
        self,
        caller: Caller,
        draft: VersionDraft,
        step: Step = silently,
        tags: Tags = NO_TAGS,
    ) -> Version:
        """Number a new version once its files were found, inspected, measured, compiled.

        It is pending. Raises RecipeFrozenError, also when that happens while it is inspected.
        """
        model = self._catalogue.model(caller, draft.model)
        require_thawed(draft, model.frozen_by)
        step("looking for its files", 0.05)
        self._require_files(caller, draft)
        if self._attester is not None and draft.attestation is not None:
            self._attester.verify(draft.artifact, draft.attestation)
        step("inspecting, measuring and compiling it", 0.1)
        draft = _with(draft, self._inspected(caller, model, draft))
        step("registering it", 0.95)
        version = self._store.add_version(draft, _registration(draft, tags), tags)
        self._instruments.registered(version)
        if self._reviews is not None:
            self._reviews.begin_first(caller, version)
        return version

    def _inspected(self, caller: Caller, model: Model, draft: VersionDraft) -> Inspected:
        sample = replace(_sample(draft), pickle=self._allows_pickle(model.project))
        try:
            return self._inspector.inspect(sample, self._state.trusted_types())
        except ArtifactTypesNotTrustedError as refusal:
            raise self._trust.refused(caller, model.name, refusal) from refusal

    def _require_files(self, caller: Caller, draft: VersionDraft) -> None:
        named = {
            "/artifact": draft.artifact,
            "/reference": draft.reference,
            "/evaluation": draft.evaluation,
            "/attestation": draft.attestation,
        }
        for pointer, digest in named.items():
            if digest is not None:
                self._uploads.require(caller, pointer, digest)


def _with(draft: VersionDraft, found: Inspected) -> VersionDraft:
    draft = replace(draft, format=found.format, compiled=found.compiled, baseline=found.baseline)
    if found.converted is None:
        return draft
    return replace(draft, artifact=found.converted, converted_from=draft.artifact)


def _sample(draft: VersionDraft) -> Sample:
    return Sample(
        artifact=draft.artifact,
        reference=draft.reference,
        signature=draft.signature,
        evaluation=draft.evaluation,
        time_column=draft.time_column,
    )


def _registration(draft: VersionDraft, tags: Tags) -> Entry:
    details: dict[str, object] = {
        "artifact": draft.artifact,
        "reference": draft.reference,
        "evaluation": draft.evaluation,
        "time_column": draft.time_column,
        "format": draft.format.value,
        "protected": list(draft.protected),
        "attestation": draft.attestation,
        "converted_from": draft.converted_from,
        "run": draft.lineage.run,
    }
    if tags:
        details["tags"] = dict(tags)
    if isinstance(draft.baseline, Baseline):
        details |= {"baseline": draft.baseline.file, "measured_on": draft.baseline.sample.value}
    else:
        details["not_measured"] = draft.baseline.reason
    if isinstance(draft.compiled, Compiled):
        details |= {"compiled": draft.compiled.artifact, "runner": draft.compiled.kind.value}
    else:
        details["not_compiled"] = draft.compiled.reason
    by, action = draft.created_by, Action.REGISTER_VERSION
    return Entry(draft.created_at, by, action, draft.model, draft.description, details)
