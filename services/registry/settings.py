"""What the registry is told, by environment variables with the prefix `UNDERSTUDY_`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.registry.domain.staging import StagingLimits
from understudy.runtime.cookies import CookieSecurity
from understudy.runtime.keys import parse_key
from understudy.runtime.settings import Port, Seconds, ServiceSettings
from understudy.runtime.urls import safe_url

Bytes = Annotated[int, Field(ge=1)]

_TOKEN_SECRET_CHARACTERS = 32


class RegistrySettings(ServiceSettings):
    """Settings of the registry."""

    # A wrong key must not be printed by the error that says so.
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    registry_port: Port = 8701
    """Port to listen on."""
    database_url: SecretStr = SecretStr("")
    """SQLAlchemy URL; SQLite in the state folder when it is empty. May carry a password."""
    registry_migrate: bool = True
    """Bring the database's tables up to date at the start; without, a start on older tables ends
    at once, and `python -m services.registry migrate` is to be run first."""
    artifacts_url: SecretStr = SecretStr("")
    """fsspec URL of a folder; one in the state folder when it is empty."""
    admin_key: SecretStr | None = None
    """A key that may do everything."""
    service_key: SecretStr | None = None
    """A key with the scopes follow and read, for serving, challengers, and a monitor that never
    acts."""
    monitor_key: SecretStr | None = None
    """A key with the scopes follow, read and release, for a monitor that may act."""
    metrics_key: SecretStr | None = None
    """A key with the scope metrics, for Prometheus."""
    alert_key: SecretStr | None = None
    """A key with the scope alert, for Alertmanager."""
    token_secret: SecretStr | None = None
    """At least 32 characters that the key derives from by which access tokens are signed. Without
    it there are no access tokens."""
    token_secret_before: SecretStr | None = None
    """The secret before the present one, whose tokens stay valid until they expire."""
    token_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3600
    """How long an access token is valid."""
    public_url: HttpUrl | None = None
    """Where people and clients reach the registry, if not at its own address and port; access
    tokens name it as their issuer, and sign-in by OpenID Connect comes back to it."""
    public_serving_url: HttpUrl = HttpUrl("http://127.0.0.1:8700")
    """Where applications reach serving; pages tell it to those who write them."""
    public_serving_grpc_url: HttpUrl | None = None
    """Where they reach it by gRPC, such as `http://127.0.0.1:8706`; https where it is encrypted.
    Without it pages tell nothing of gRPC."""
    serving_max_rows: Annotated[int, Field(ge=1)] = 1_000
    """How many rows serving takes in one request; descriptions tell it."""
    oidc_issuer: str | None = None
    """The OpenID Connect provider where people may sign in, as it calls itself, by https."""
    oidc_client_id: str | None = None
    """What the provider knows the registry as; its redirect URI there is the public URL with
    `/signin/oidc/callback`."""
    oidc_client_secret: SecretStr | None = None
    """What the provider knows the registry by; none for a public client."""
    oidc_title: str = ""
    """What the page to sign in calls the provider; its host's name when it is empty."""
    oidc_sign_up: bool = True
    """Whether unknown people whom the provider vouches for become users, members of nothing."""
    oidc_groups_claim: str = "groups"
    """The claim of ID tokens that lists somebody's groups."""
    oidc_admin_group: str | None = None
    """The group whose members administer the instance, as of each sign-in; with it, nobody else
    of the provider does. Without it administrators are made here."""
    trusted_types: Annotated[tuple[str, ...], NoDecode] = ()
    """Type names that artifacts may hold beyond what skops trusts; separated by commas."""
    signing_keys: Annotated[tuple[Path, ...], NoDecode] = ()
    """Public keys in PEM (P-256, P-384, P-521) that may sign artifacts: files, or folders of
    `*.pem`; separated by commas. What carries another key's signature is refused."""
    artifact_limit_bytes: Bytes = 1 << 30
    """The largest upload that is taken."""
    body_limit_bytes: Bytes = 8 << 20
    """The largest JSON body that is read."""
    staging_limit_files: Annotated[int, Field(ge=1)] = 200
    """How many files of one caller may wait for a registration by MLflow's protocol."""
    staging_limit_bytes: Bytes = 2 << 30
    """How many bytes they may have together."""
    staging_seconds: Seconds = 86_400.0
    """How long they may wait; what is older is deleted when somebody puts a file, and at the
    start."""
    upload_idle_seconds: Seconds = 30.0
    """How long an upload may send nothing."""
    snapshot_wait_limit_seconds: Seconds = 30.0
    """The longest that one question for a newer snapshot may hang here."""
    sequence_poll_seconds: Seconds = 1.0
    """How often changes by other replicas are looked for."""
    registry_drain_seconds: Annotated[float, Field(ge=0)] = 0.5
    """How long a stopping registry goes on answering, not ready any more, each time asking clients
    to go elsewhere."""
    registry_grace_seconds: Annotated[int, Field(ge=1)] = 10
    """How long requests that are open after that may take to end."""
    registry_connections: Annotated[int, Field(ge=1)] = 1_000
    """Connections that are held; further ones are refused with 503."""
    registry_head_seconds: Seconds = 10.0
    """How long a client may take to send a request's head; then its connection is closed."""
    registry_body_seconds: Seconds = 30.0
    """How long a client may take to send a body that is no upload; then it is answered with 408."""
    inspection_seconds: Seconds = 60.0
    """Deadline of one inspection of an artifact."""
    inspection_memory_bytes: Bytes = 4 << 30
    """Address space that one inspection may take."""
    measure_seconds: Seconds = 30.0
    """Deadline of measuring a version's baseline: half for its answers to the evaluation sample,
    half for what they hang on."""
    registry_compile: bool = True
    """Compile each version's model for serving, where what is compiled answers alike."""
    compile_seconds: Seconds = 60.0
    """Deadline of one compilation; a model that takes longer is served by scikit-learn."""
    registry_review: bool = True
    """Make each version's review when it is registered; else when somebody asks for it."""
    review_seconds: Seconds = 120.0
    """Deadline of one review; parts that don't fit into it are left out, and named."""
    review_memory_bytes: Bytes = 4 << 30
    """Address space that making one review may take."""
    review_shap: bool = False
    """Add SHAP values to reviews, where the extra `shap` is installed; takes up to a quarter of
    their time."""
    gate_policy: Path | None = None
    """A YAML file with what is demanded of versions before they are deployed, in projects that
    have no gate of their own; see docs/gate.md."""
    reviews_at_once: Annotated[int, Field(ge=1)] = 2
    """Further reviews wait in a line of their own."""
    inspections_at_once: Annotated[int, Field(ge=1)] = 2
    """Further registrations wait, and are turned away when they wait too long."""
    session_idle_seconds: Seconds = 12 * 3600.0
    """How long a person stays signed in without doing anything."""
    session_seconds: Seconds = 7 * 24 * 3600.0
    """How long a person stays signed in at most."""
    cookie_secure: CookieSecurity = CookieSecurity.AUTO
    """When the session's cookie is kept off connections that are not encrypted: `auto`, whenever
    the request came by https, or `always`. A proxy that ends TLS in front says so in
    `X-Forwarded-Proto`; it is heeded when `FORWARDED_ALLOW_IPS` names the proxy's address."""
    passwords_at_once: Annotated[int, Field(ge=1, le=64)] = 4
    """How many passwords may be checked at once, with 64 MiB each; further sign-ins are turned
    away, and may try again."""

    @field_validator("trusted_types", "signing_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("admin_key", "service_key", "monitor_key", "metrics_key", "alert_key")
    @classmethod
    def _well_formed(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None or not key.get_secret_value():
            return None
        if parse_key(key.get_secret_value()) is None:
            raise ValueError(
                "a key looks like us_<id>_<secret>: an id of 8 to 16 characters a-z0-9 "
                "and a secret of 20 to 64 characters A-Za-z0-9_-"
            )
        return key

    @field_validator(
        "public_url",
        "public_serving_grpc_url",
        "oidc_issuer",
        "oidc_client_id",
        "oidc_client_secret",
        "oidc_admin_group",
        mode="before",
    )
    @classmethod
    def _stated(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @model_validator(mode="after")
    def _whole_oidc(self) -> Self:
        if self.oidc_issuer is None:
            return self
        if not safe_url(self.oidc_issuer):
            raise ValueError("UNDERSTUDY_OIDC_ISSUER must be an https URL")
        if self.oidc_client_id is None or self.token_secret is None:
            raise ValueError(
                "with UNDERSTUDY_OIDC_ISSUER, set UNDERSTUDY_OIDC_CLIENT_ID and "
                "UNDERSTUDY_TOKEN_SECRET too"
            )
        return self

    @field_validator("token_secret", "token_secret_before")
    @classmethod
    def _long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None or not secret.get_secret_value():
            return None
        if len(secret.get_secret_value()) < _TOKEN_SECRET_CHARACTERS:
            raise ValueError(f"a token secret has at least {_TOKEN_SECRET_CHARACTERS} characters")
        return secret

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        machines = (self.service_key, self.monitor_key, self.metrics_key, self.alert_key)
        keys = [key for key in (self.admin_key, *machines) if key]
        if len({parse_key(key.get_secret_value()) for key in keys}) != len(keys):
            raise ValueError("the installation's keys must have different ids")
        return self

    @property
    def origin(self) -> str:
        """Where the registry is reached, without a slash at the end."""
        if self.public_url is None:
            return f"http://{self.host}:{self.registry_port}"
        return str(self.public_url).rstrip("/")

    @property
    def staging(self) -> StagingLimits:
        """How much may wait for a registration."""
        return StagingLimits(
            files=self.staging_limit_files,
            file_bytes=self.artifact_limit_bytes,
            total_bytes=self.staging_limit_bytes,
            age=timedelta(seconds=self.staging_seconds),
        )

    @property
    def database(self) -> str:
        """The database's URL."""
        stated = self.database_url.get_secret_value()
        return stated or f"sqlite:///{self.state_dir}/registry/registry.db"

    @property
    def artifacts(self) -> str:
        """The artifact folder's URL."""
        stated = self.artifacts_url.get_secret_value()
        return stated or (self.state_dir / "registry" / "artifacts").absolute().as_uri()
