"""Brings an example into a running cluster, as anyone would: by the clients, step by step.

Every step first looks whether it has been done, so loading again goes on where it stopped.
"""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from examples.candidates import Example, Recipe
from examples.progress import Note, StepFailedError, Steps, wait_until
from examples.state import Addresses, Loaded
from examples.traffic import Counts, Traffic
from understudy.client import MonitorClient, RegistryClient, ServingClient
from understudy.contracts.monitor import Totals
from understudy.contracts.registry import (
    DeploymentRequest,
    DeploymentView,
    KeyRequest,
    VersionRequest,
    VersionView,
)
from understudy.contracts.vocabulary import Decision, ReviewState, Scope, Severity, VersionState

PROJECT: Final = "examples"
KEY_SCOPES: Final = (Scope.PREDICT, Scope.LABEL, Scope.READ)
WAIT_SECONDS: Final = 90.0
SEED: Final = 3
MONTH_SECONDS: Final = 0.02
"""How long a month of the simulated world takes: the last labels come a second or two later."""


class Loader:
    """The steps, in the order in which `load` takes them."""

    def __init__(self, addresses: Addresses, admin_key: str, state_dir: Path, steps: Steps) -> None:
        self._addresses = addresses
        self._registry = RegistryClient(addresses.registry_url, admin_key)
        self._state_dir = state_dir
        self._steps = steps

    def load(self, examples: tuple[Example, ...], rows: int) -> Loaded:
        """Have the examples served, asked about and seen; the last one is the one to try."""
        with self._registry:
            self._ensure_project()
            # Before the deployments, so that whoever serves them has heard of the key.
            loaded = self._ensure_key(examples)
            made = {}
            for example in examples:
                self._ensure_model(example)
                # All of them first: their reviews are made while the next ones are trained.
                made[example.name] = [self._ensure_version(example, r) for r in example.recipes]
            for example in examples:
                decided = [self._ensure_decided(example, one) for one in made[example.name]]
                self._ensure_deployment(example, [version.version for version in decided])
            served = [self._await_served(example) for example in examples]
        with ExitStack() as stack:
            serving = stack.enter_context(ServingClient(self._addresses.serving_url, loaded.key))
            monitor = stack.enter_context(MonitorClient(self._addresses.monitor_url, loaded.key))
            for example, deployment in zip(examples, served, strict=True):
                self._send(example, deployment, rows, serving, monitor)
        return loaded

    def show_faults(self, example: Example) -> None:
        """Register versions that nobody should deploy, and tell what their reviews find."""
        with self._registry:
            self._ensure_project()
            self._ensure_model(example)
            made = [self._ensure_version(example, recipe) for recipe in example.recipes]
            for version in made:
                self._tell_findings(version)

    def _tell_findings(self, version: VersionView) -> None:
        model, number = version.model, version.version
        with self._steps.step(f"{model} v{number}: its review") as note:
            standing = self._registry.await_review(model, number)
            if standing.state is not ReviewState.MADE:
                raise StepFailedError("a review", standing.failure)
            note(f"{standing.blocks} blocks, {standing.warnings} warnings")
        for found in self._registry.review(model, number).findings:
            if found.severity is not Severity.LOOK:
                self._steps.say(f"  {found.severity}: {found.title}. {found.detail}")

    def _ensure_project(self) -> None:
        with self._steps.step(f"Project {PROJECT}") as note:
            if PROJECT in {project.name for project in self._registry.projects()}:
                note("there already")
            else:
                self._registry.create_project(PROJECT, "What `understudy up` starts with.")

    def _ensure_model(self, example: Example) -> None:
        with self._steps.step(f"Model {example.name}") as note:
            if example.name in {model.name for model in self._registry.models()}:
                note("there already")
            else:
                self._registry.create_model(example.name, PROJECT, example.description)

    def _ensure_version(self, example: Example, recipe: Recipe) -> VersionView:
        with self._steps.step(f"{example.name}: {recipe.description}") as note:
            there = [
                version
                for version in self._registry.versions(example.name)
                if version.description == recipe.description
                and version.state is not VersionState.IGNORED
            ]
            if there:
                version = min(there, key=lambda version: version.version)
                note(f"v{version.version} is there already")
            else:
                version = self._train_and_register(example, recipe, note)
            return version

    def _train_and_register(self, example: Example, recipe: Recipe, note: Note) -> VersionView:
        made = recipe.train()
        with TemporaryDirectory() as folder:
            files = made.write(Path(folder))
            request = VersionRequest(
                artifact=self._registry.upload_artifact(files.artifact),
                reference=self._registry.upload_artifact(files.reference),
                evaluation=self._registry.upload_artifact(files.evaluation),
                signature=made.signature,
                metrics=dict(made.metrics),
                lineage=made.lineage,
                time_column=made.time_column,
                protected=example.protected,
                description=recipe.description,
            )
        version = self._registry.register(example.name, request)
        note(f"trained, registered as v{version.version}, log loss {made.metrics['log_loss']:.3f}")
        return version

    def _ensure_decided(self, example: Example, version: VersionView) -> VersionView:
        model, number = version.model, version.version
        with self._steps.step(f"{model} v{number}: its review") as note:
            if version.state is not VersionState.PENDING:
                note(f"{version.state} already")
                return version
            if example.answers:
                self._registry.answer(model, number, dict(example.answers))
            standing = self._registry.await_review(model, number)
            if standing.state is ReviewState.MADE:
                self._registry.review(model, number)  # who decides has seen it
                note(f"{standing.blocks} blocks, {standing.warnings} warnings")
            else:
                note(standing.failure or "none was made")
            return self._registry.decide(model, number, Decision.DEPLOY, "Part of the example.")

    def _ensure_deployment(self, example: Example, versions: list[int]) -> None:
        with self._steps.step(f"Deployment {example.name}") as note:
            there = {found.name: found for found in self._registry.deployments()}
            if example.name in there:
                note(f"there already, {_roles(there[example.name])}")
                return
            main, *challengers = versions
            made = self._registry.create_deployment(
                DeploymentRequest(
                    name=example.name,
                    model=example.name,
                    main=main,
                    challengers=tuple(challengers),
                    access=example.access,
                    description=example.description,
                    reason="Part of the example.",
                    policy=example.policy,
                )
            )
            note(_roles(made))

    def _ensure_key(self, examples: tuple[Example, ...]) -> Loaded:
        with self._steps.step("API key") as note:
            kept = Loaded.read(self._state_dir)
            issued_before = self._registry.keys()
            usable = {key.id for key in issued_before if key.revoked_at is None}
            if kept is not None and kept.key_id in usable:
                note("there already")
                key_id, key = kept.key_id, kept.key
            else:
                issued = self._registry.issue_key(
                    KeyRequest(name="example", scopes=KEY_SCOPES, project=PROJECT)
                )
                key_id, key = issued.id, issued.key
            tried = examples[-1]
            loaded = Loaded(
                deployment=tried.name,
                key=key,
                key_id=key_id,
                example_row=tried.draw(1, 0)[0].row,
                forms={
                    example.name: f"{self._addresses.serving_url}/{example.name}/form"
                    for example in examples
                },
            )
            note(f"kept in {loaded.write(self._state_dir)}")
            return loaded

    def _await_served(self, example: Example) -> DeploymentView:
        def served() -> DeploymentView | None:
            found = self._registry.deployment(example.name)
            return found if found.deployed and found.running else None

        with self._steps.step(f"{example.name} is served") as note:
            found = wait_until("deployed and running", served, seconds=WAIT_SECONDS)
            note(f"release {found.current.release}")
            return found

    def _send(
        self,
        example: Example,
        served: DeploymentView,
        rows: int,
        serving: ServingClient,
        monitor: MonitorClient,
    ) -> None:
        with self._steps.step(f"{example.name}: serving and monitor know the key") as note:
            wait_until("serving", lambda: serving.signature(example.name), seconds=WAIT_SECONDS)
            before = wait_until(
                "monitor", lambda: monitor.assessment(example.name), seconds=WAIT_SECONDS
            ).totals
            note(f"{_sum(before.predictions)} predictions in the log")
        if (missing := rows - _sum(before.predictions)) > 0:
            counts = self._ask(example, missing, serving)
            self._await_seen(served, before, counts, monitor)

    def _ask(self, example: Example, rows: int, serving: ServingClient) -> Counts:
        traffic = Traffic(serving, example.name, month_seconds=MONTH_SECONDS)
        title = f"{example.name}: {rows} predictions and their labels"
        with self._steps.bar(title, rows) as advance:
            for sent, outcome in enumerate(example.draw(rows, SEED), start=1):
                traffic.ask(outcome)
                advance(sent)
            traffic.finish()
            if traffic.counts.predictions < rows or traffic.counts.labels_failed:
                raise StepFailedError(title, str(traffic.counts))
        return traffic.counts

    def _await_seen(
        self, served: DeploymentView, before: Totals, counts: Counts, monitor: MonitorClient
    ) -> None:
        pairs = counts.predictions * len(served.current.challengers)

        def seen() -> Totals | None:
            now = monitor.assessment(served.name).totals
            complete = (
                _sum(now.predictions) - _sum(before.predictions) >= counts.predictions
                and _pairs(now) - _pairs(before) >= pairs
                and now.labels - before.labels >= counts.labelled
            )
            return now if complete else None

        with self._steps.step(f"{served.name}: the monitor has seen them") as note:
            totals = wait_until("all predictions, pairs and labels", seen, seconds=WAIT_SECONDS)
            note(
                f"{_sum(totals.predictions)} predictions, {_pairs(totals)} pairs, "
                f"{totals.labels} labels"
            )


def _roles(deployment: DeploymentView) -> str:
    current = deployment.current
    challengers = "".join(f", challenger v{version}" for version in current.challengers)
    return f"main v{current.main}{challengers}"


def _pairs(totals: Totals) -> int:
    """Answers of challengers, also those that were errors."""
    return _sum(totals.pairs) + _sum(totals.pair_errors)


def _sum(by_version: dict[str, int]) -> int:
    return sum(by_version.values())
