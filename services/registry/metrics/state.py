"""Gauges of what is as it is, whoever changed it: the same on every replica."""

from prometheus_client import CollectorRegistry, Gauge

from services.registry.domain.figures import Figures, Released
from understudy.contracts.vocabulary import VersionState


class StateGauges:
    """Read off the state when somebody scrapes; what is gone is not told any more."""

    def __init__(self, collectors: CollectorRegistry) -> None:
        self._sequence = Gauge(
            "understudy_registry_snapshot_sequence",
            "Number of the current snapshot; it grows with what followers must know of.",
            registry=collectors,
        )
        self._keys = Gauge(
            "understudy_registry_keys_active",
            "Keys in the current snapshot, those of the installation included.",
            registry=collectors,
        )
        self._expiring = Gauge(
            "understudy_registry_keys_expiring",
            "Keys, not revoked, that expire within that time; a longer one counts all of a shorter "
            "too, and each counts those that have expired.",
            ("within",),
            registry=collectors,
        )
        self._versions = Gauge(
            "understudy_registry_versions",
            "Versions of all models, by the state of their review.",
            ("state",),
            registry=collectors,
        )
        self._followers = Gauge(
            "understudy_registry_followers",
            "Processes that reported within the last 90 s, to whichever replica.",
            ("component",),
            registry=collectors,
        )
        self._backup = Gauge(
            "understudy_backup_timestamp_seconds",
            "When the last backup of the registry that was published was begun; 0 for none.",
            registry=collectors,
        )
        self._releases = _ReleaseGauges(collectors)

    def show(self, figures: Figures) -> None:
        """Say how it is now."""
        self._sequence.set(figures.sequence)
        self._keys.set(figures.keys_active)
        for within, count in figures.keys_expiring.items():
            self._expiring.labels(within).set(count)
        for state in VersionState:
            self._versions.labels(state.value).set(figures.versions.get(state, 0))
        for component, count in figures.followers.items():
            self._followers.labels(component.value).set(count)
        at = figures.backed_up_at
        self._backup.set(0 if at is None else at.timestamp())
        self._releases.show(figures.releases)


class _ReleaseGauges:
    """Of each deployment's current release."""

    def __init__(self, collectors: CollectorRegistry) -> None:
        self._info = Gauge(
            "understudy_release_info",
            "1 for the current release of each deployment and its main version.",
            ("deployment", "version", "release"),
            registry=collectors,
        )
        self._challenger = Gauge(
            "understudy_release_challenger_info",
            "1 for each challenger in the current release of a deployment.",
            ("deployment", "version"),
            registry=collectors,
        )
        self._kind = Gauge(
            "understudy_release_kind_info",
            "1 for the verb that made the current release of each deployment.",
            ("deployment", "release", "kind"),
            registry=collectors,
        )
        self._number = Gauge(
            "understudy_current_release",
            "Number of the current release of each deployment.",
            ("deployment",),
            registry=collectors,
        )
        self._made_at = Gauge(
            "understudy_release_timestamp_seconds",
            "When the current release of each deployment was made.",
            ("deployment",),
            registry=collectors,
        )
        self._state = Gauge(
            "understudy_deployment_state",
            "1 where the deployment is so, 0 where not. deployed: every serving worker has the "
            "current release; running: at least one answers, on whichever release.",
            ("deployment", "state"),
            registry=collectors,
        )

    def show(self, releases: tuple[Released, ...]) -> None:
        told = (self._info, self._challenger, self._kind, self._number, self._made_at, self._state)
        for gauge in told:
            gauge.clear()
        for released in releases:
            self._show(released)

    def _show(self, released: Released) -> None:
        current = released.current
        name, number = current.deployment, str(current.number)
        self._info.labels(name, str(current.setting.main), number).set(1)
        for version in current.setting.challengers:
            self._challenger.labels(name, str(version)).set(1)
        self._kind.labels(name, number, current.kind.value).set(1)
        self._number.labels(name).set(current.number)
        self._made_at.labels(name).set(current.released_at.timestamp())
        self._state.labels(name, "deployed").set(released.deployed)
        self._state.labels(name, "running").set(released.running)
