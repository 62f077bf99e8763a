"""Joins the parts: settings in, one ASGI application out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from starlette.types import ASGIApp

from services.registry import operations as verbs
from services.registry import pages
from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.attempt_seal import JweSeal
from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.database import Database
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.follower_store import SqlFollowers
from services.registry.adapters.gate_store import SqlGates
from services.registry.adapters.gate_yaml import YamlGates
from services.registry.adapters.inspection.attesting import KeyAttestations, read_keys
from services.registry.adapters.inspection.children import Children
from services.registry.adapters.inspection.inferring import ChildSignatureReader
from services.registry.adapters.inspection.inspector import ChildInspector, Limits
from services.registry.adapters.job_store import SqlJobs
from services.registry.adapters.key_store import SqlKeys
from services.registry.adapters.oidc_metadata import Asking
from services.registry.adapters.oidc_provider import OidcProvider
from services.registry.adapters.passwords import ArgonPasswords
from services.registry.adapters.people_store import SqlPeople
from services.registry.adapters.reply_store import SqlReplies
from services.registry.adapters.review_store import SqlReviews
from services.registry.adapters.reviewing.reviewer import ChildReviewer, ReviewLimits
from services.registry.adapters.sealing import AesSeal
from services.registry.adapters.session_store import SqlSessions
from services.registry.adapters.staged_files import StagedFiles
from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tag_store import SqlTags
from services.registry.adapters.token_signing import TokenSigner, public_key
from services.registry.adapters.trust_store import SqlTrust
from services.registry.adapters.upload_store import SqlUploads
from services.registry.api import BodyLimit, behind_the_door, make_api
from services.registry.api.draining import Draining
from services.registry.api.oidc import BEGIN_PATH, CALLBACK_PATH
from services.registry.domain.access import Configuration, InstallationKey
from services.registry.domain.audit import SYSTEM, Action, Entry
from services.registry.domain.gate_texts import InvalidGateError
from services.registry.domain.identities import Welcome
from services.registry.loops import keep_uses, sweep_staged, tell_of_jobs, watch_for_changes
from services.registry.metrics import Metrics
from services.registry.operations import mlflow
from services.registry.operations.uploads import Uploads
from services.registry.ports import ArtifactStore, Inspector, StateStore, Store
from services.registry.ports.people import Passwords
from services.registry.ports.reviews import Reviewer
from services.registry.ports.staging import Sourcing
from services.registry.settings import RegistrySettings
from understudy.contracts.refusals import FieldError, Refusal
from understudy.contracts.vocabulary import KeyId, Scope
from understudy.runtime.cookies import Cookie
from understudy.runtime.keys import key_digest, make_key, parse_key
from understudy.runtime.loops import cancel

_ENDING_SECONDS: Final = 2.0
"""What jobs that were interrupted get to tidy up."""
_MOST_REVIEWS: Final = 1_000
"""That wait in this process."""


@dataclass(frozen=True, slots=True)
class App:
    """The assembled registry."""

    asgi: ASGIApp
    api: FastAPI
    drain: Callable[[], None]
    """Not ready any more; answers ask clients to go elsewhere. Safe in a signal handler."""
    stop_waiting: Callable[[], None]
    """Ends open waits for a snapshot; called when no more requests are taken."""


def build(settings: RegistrySettings) -> App:
    """The registry as the settings say, its database and its folders checked.

    Raises Refusal when something that it needs is not there.
    """
    database = Database(settings.database)
    if settings.registry_migrate:
        database.migrate()
    else:
        database.require_migrated()
    store = Store(
        catalogue=SqlCatalogue(database),
        deployments=SqlDeployments(database),
        keys=SqlKeys(database),
        state=SqlState(database),
        followers=SqlFollowers(database),
        people=SqlPeople(database),
        sessions=SqlSessions(database),
        tags=SqlTags(database),
        gates=SqlGates(database),
        replies=SqlReplies(database),
        jobs=SqlJobs(database),
        uploads=SqlUploads(database),
        reviews=SqlReviews(database),
        trust=SqlTrust(database),
    )
    files = ArtifactFiles(
        settings.artifacts,
        limit_bytes=settings.artifact_limit_bytes,
        idle_seconds=settings.upload_idle_seconds,
    )
    store.state.verify()
    files.verify()
    files.sweep()
    children = Children()
    inspector = ChildInspector(
        files, _limits(settings), at_once=settings.inspections_at_once, children=children
    )
    configure(store.state, settings)
    return assemble(
        settings=settings,
        store=store,
        files=files,
        inspector=inspector,
        reviewer=_reviewer(settings, files, children),
        passwords=ArgonPasswords(settings.passwords_at_once),
        sourcing=_sourcing(settings, files, children),
        on_change=database.subscribe,
        end=children.end,
        close=database.close,
    )


def assemble(
    *,
    settings: RegistrySettings,
    store: Store,
    files: ArtifactStore,
    inspector: Inspector,
    reviewer: Reviewer,
    passwords: Passwords,
    sourcing: Sourcing,
    on_change: Callable[[Callable[[], None]], None],
    end: Callable[[], None],
    close: Callable[[], None],
) -> App:
    """The application over whichever adapters it is given.

    `end` is called when it stops, to interrupt what still is at work; `close` is last.
    """
    collectors = CollectorRegistry()
    metrics = Metrics(collectors)
    operations = _operations(
        settings,
        store,
        files,
        inspector,
        metrics,
        reviewer=reviewer,
        passwords=passwords,
        sourcing=sourcing,
    )
    cookie = Cookie("understudy_session", settings.cookie_secure)
    draining = Draining()
    missing = partial(_missing, store.state, files, draining)
    api = make_api(operations, metrics, collectors, missing, cookie)
    limit = BodyLimit(settings.body_limit_bytes, settings.registry_body_seconds)
    for page in pages.routes(operations, cookie, _elsewhere(settings)):
        api.router.routes.append(page)
        metrics.offers(page.path, *(page.methods or ()))
    api.router.lifespan_context = _lifespan(settings, operations, on_change, end, close)
    return App(
        asgi=draining.around(behind_the_door(api, operations, metrics, limit, cookie)),
        api=api,
        drain=draining.begin,
        stop_waiting=operations.snapshots.close,
    )


def configure(state: StateStore, settings: RegistrySettings) -> None:
    """Make the settings that followers need part of the state; other settings are a change."""
    scopes = {
        settings.admin_key: (Scope.ADMIN,),
        settings.service_key: (Scope.FOLLOW, Scope.READ),
        settings.monitor_key: (Scope.FOLLOW, Scope.READ, Scope.RELEASE),
        settings.metrics_key: (Scope.METRICS,),
        settings.alert_key: (Scope.ALERT,),
    }
    keys = tuple(_installation_key(key, scopes[key]) for key in scopes if key is not None)
    token_keys = tuple(
        public_key(secret.get_secret_value(), settings.origin)
        for secret in (settings.token_secret, settings.token_secret_before)
        if secret is not None
    )
    configuration = Configuration(keys, settings.trusted_types, token_keys)
    details = {
        "keys": [key.id for key in keys],
        "trusted_types": list(configuration.trusted_types),
        "token_keys": [key.kid for key in token_keys],
    }
    now = datetime.now(UTC)
    entry = Entry(now, SYSTEM, Action.CONFIGURE, "installation", details=details)
    state.configure(configuration, entry)


def _limits(settings: RegistrySettings) -> Limits:
    return Limits(
        seconds=settings.inspection_seconds,
        memory_bytes=settings.inspection_memory_bytes,
        measure_seconds=settings.measure_seconds,
        compile_seconds=settings.compile_seconds if settings.registry_compile else None,
        most_bytes=settings.artifact_limit_bytes,
    )


def _reviewer(
    settings: RegistrySettings, files: ArtifactFiles, children: Children
) -> ChildReviewer:
    limits = ReviewLimits(
        settings.review_seconds, settings.review_memory_bytes, settings.review_shap
    )
    at_once = settings.reviews_at_once
    return ChildReviewer(files, limits, _now, at_once=at_once, children=children)


def _sourcing(settings: RegistrySettings, files: ArtifactFiles, children: Children) -> Sourcing:
    staged = StagedFiles(settings.artifacts, files, idle_seconds=settings.upload_idle_seconds)
    reader = ChildSignatureReader(
        files,
        seconds=settings.inspection_seconds,
        memory_bytes=settings.inspection_memory_bytes,
        at_once=settings.inspections_at_once,
        children=children,
    )
    return Sourcing(staged, reader)


def _operations(
    settings: RegistrySettings,
    store: Store,
    files: ArtifactStore,
    inspector: Inspector,
    metrics: Metrics,
    *,
    reviewer: Reviewer,
    passwords: Passwords,
    sourcing: Sourcing,
) -> verbs.Operations:
    catalogue, deployments, state = store.catalogue, store.deployments, store.state
    snapshots = verbs.Snapshots(state, _now, settings.snapshot_wait_limit_seconds)
    followers = verbs.Followers(store.followers, store.keys, _now)
    sessions = verbs.Sessions(
        store=store.sessions,
        people=store.people,
        passwords=passwords,
        idle=timedelta(seconds=settings.session_idle_seconds),
        lifetime=timedelta(seconds=settings.session_seconds),
        clock=_now,
    )
    issued = verbs.Issued(store.keys, store.people, deployments, _now)
    people = verbs.People(
        store=store.people, sessions=sessions, passwords=passwords, issued=issued, clock=_now
    )
    uploads = Uploads(store=store.uploads, artifacts=files, catalogue=catalogue, clock=_now)
    registered = verbs.Catalogue(store=catalogue, instruments=metrics, clock=_now)
    jobs = verbs.Jobs(store.jobs, _now, at_once=settings.inspections_at_once)
    review_jobs = verbs.Jobs(
        store.jobs,
        _now,
        at_once=settings.reviews_at_once,
        most_waiting=_MOST_REVIEWS,
        most_of_one=_MOST_REVIEWS,
    )
    reviews = verbs.Reviews(
        store=store.reviews,
        catalogue=registered,
        state=state,
        artifacts=files,
        reviewer=reviewer,
        jobs=review_jobs,
        clock=_now,
    )
    attestations = KeyAttestations(files, read_keys(settings.signing_keys))
    trust = verbs.Trust(store.trust, _now)
    gates = verbs.GatePolicies(
        store=store.gates,
        catalogue=catalogue,
        reader=YamlGates(),
        own=_own_gate(settings),
        clock=_now,
    )
    registration = verbs.Registration(
        catalogue=registered,
        store=catalogue,
        state=state,
        uploads=uploads,
        inspector=inspector,
        reviews=reviews if settings.registry_review else None,
        instruments=metrics,
        trust=trust,
        allows_pickle=gates.allows_pickle,
        attester=attestations,
    )
    gate = verbs.Gate(
        policies=gates,
        catalogue=registered,
        reviews=reviews,
        store=catalogue,
        keys=store.keys,
        attestations=attestations,
        instruments=metrics,
        clock=_now,
    )
    deployed = verbs.Deployments(deployments, catalogue, metrics, _now)
    return verbs.Operations(
        catalogue=registered,
        registration=registration,
        reviews=reviews,
        cards=verbs.Cards(registered, reviews, gates),
        gate=gate,
        gates=gates,
        files=verbs.Files(files, uploads, metrics),
        deployments=deployed,
        descriptions=verbs.Descriptions(deployed, catalogue, _reached(settings)),
        keys=verbs.Keys(
            store=store.keys,
            state=state,
            catalogue=catalogue,
            deployments=deployments,
            draw=make_key,
            clock=_now,
        ),
        trail=verbs.Trail(state),
        history=verbs.History(
            deployments=deployments,
            catalogue=catalogue,
            reviews=store.reviews,
            state=state,
            clock=_now,
        ),
        trust=trust,
        snapshots=snapshots,
        followers=followers,
        measures=verbs.Measures(snapshots, followers, _now),
        people=people,
        identities=_identities(settings, store, people),
        members=verbs.Members(store.people, catalogue, issued, _now),
        sessions=sessions,
        tokens=verbs.Tokens(
            ring=snapshots.keys,
            public=lambda: snapshots.current().token_keys,
            signer=_signer(settings),
            lifetime_seconds=settings.token_seconds,
            clock=_now,
        ),
        replies=verbs.Replies(store.replies, AesSeal(), _now),
        annotations=verbs.Annotations(store.tags, registered, deployments, _now),
        mlflow=mlflow.over(
            catalogue=registered,
            registration=registration,
            deployments=deployed,
            store=store,
            artifacts=files,
            uploads=uploads,
            sourcing=sourcing,
            limits=settings.staging,
            clock=_now,
        ),
        jobs=jobs,
        review_jobs=review_jobs,
    )


def _own_gate(settings: RegistrySettings) -> str | None:
    place = settings.gate_policy
    try:
        return None if place is None else place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        detail = f"UNDERSTUDY_GATE_POLICY: {place} can't be read: {error}"
        raise InvalidGateError(FieldError("", detail)) from error


def _signer(settings: RegistrySettings) -> TokenSigner | None:
    secret = settings.token_secret
    return TokenSigner(secret.get_secret_value(), settings.origin) if secret else None


def _reached(settings: RegistrySettings) -> verbs.Reached:
    grpc = settings.public_serving_grpc_url
    return verbs.Reached(
        serving=str(settings.public_serving_url).rstrip("/"),
        grpc=str(grpc).rstrip("/") if grpc else None,
        tokens=f"{settings.origin}/v1/oauth/token" if settings.token_secret else None,
        most_rows=settings.serving_max_rows,
    )


def _elsewhere(settings: RegistrySettings) -> pages.Elsewhere | None:
    host = urlsplit(settings.oidc_issuer or "").hostname
    return None if host is None else pages.Elsewhere(settings.oidc_title or host, BEGIN_PATH)


def _identities(
    settings: RegistrySettings, store: Store, people: verbs.People
) -> verbs.Identities | None:
    issuer, client_id, secret = settings.oidc_issuer, settings.oidc_client_id, settings.token_secret
    if issuer is None or client_id is None or secret is None:
        return None
    client_secret = settings.oidc_client_secret
    provider = OidcProvider(
        issuer=issuer,
        client_id=client_id,
        client_secret=client_secret.get_secret_value() if client_secret else None,
        redirect_uri=settings.origin + CALLBACK_PATH,
        groups_claim=settings.oidc_groups_claim,
        asking=Asking(),
    )
    return verbs.Identities(
        provider=provider,
        seal=JweSeal(secret.get_secret_value(), _now),
        people=people,
        store=store.people,
        replies=store.replies,
        welcome=Welcome(settings.oidc_sign_up, settings.oidc_admin_group),
        clock=_now,
    )


def _lifespan(
    settings: RegistrySettings,
    operations: verbs.Operations,
    on_change: Callable[[Callable[[], None]], None],
    end: Callable[[], None],
    close: Callable[[], None],
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        loop, snapshots = asyncio.get_running_loop(), operations.snapshots

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended; nobody waits any more
                loop.call_soon_threadsafe(snapshots.wake)

        on_change(wake)
        changes = watch_for_changes(snapshots, settings.sequence_poll_seconds)
        lines = (operations.jobs, operations.review_jobs)
        telling = tell_of_jobs(*lines)
        sweeping = sweep_staged(operations.mlflow.staging)
        using = keep_uses(operations.followers)
        loops = [asyncio.create_task(work) for work in (changes, telling, sweeping, using)]
        try:
            yield
        finally:
            await cancel(loops)
            for line in lines:
                await asyncio.to_thread(line.stop)
            end()
            for line in lines:
                await asyncio.to_thread(line.join, _ENDING_SECONDS)
            close()

    return lifespan


def _missing(state: StateStore, files: ArtifactStore, draining: Draining) -> Mapping[str, str]:
    if draining.begun:
        return {"registry": "It is stopping."}
    missing: dict[str, str] = {}
    for name, check in (("database", state.sequence), ("artifacts", files.verify)):
        try:
            check()
        except Refusal as refusal:
            missing[name] = refusal.detail
    return missing


def _installation_key(key: SecretStr, scopes: tuple[Scope, ...]) -> InstallationKey:
    plaintext = key.get_secret_value()
    return InstallationKey(parse_key(plaintext) or KeyId(""), key_digest(plaintext), scopes)


def _now() -> datetime:
    return datetime.now(UTC)
