"""What an operator may set: one frozen class, read from ATELIER_* in the environment."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lti_tool.provider_limits import Limit, read_limits

HOME = Path(".atelier")
SHORTEST_SECRET = 32


class SettingsProblem(ValueError):
    """A setting that cannot be used; the message names it and says what to change."""


class Settings(BaseSettings):
    """Every setting of the tool; each is the environment variable ATELIER_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ATELIER_", frozen=True, extra="ignore")

    database_url: str = Field(
        default=f"sqlite:///{HOME / 'atelier.db'}", description="SQLAlchemy URL; SQLite or PostgreSQL."
    )
    base_url: str = Field(default="http://127.0.0.1:8000", description="The tool's own origin, as browsers see it.")
    secret_key: str = Field(default="", description="Signs forms and seals stored keys; at least 32 characters.")
    former_secret_keys: str = Field(
        default="", description="Earlier secret keys, comma separated: stored keys sealed with them still open."
    )
    key_days: int = Field(
        default=90, ge=0, le=3650, description="After how many days a new key signs for us; 0 for never."
    )
    judge: str = Field(default="checklist", description="The judge that rates new submissions.")
    coach: str = Field(
        default="", description="Who replies to hot-takes: claude:MODEL or offline; empty: what goes with the judge."
    )
    judges: str = Field(
        default="", description="Judges that instructors may choose for their placement instead, comma separated."
    )
    judge_budget_usd: float = Field(
        default=0, ge=0, allow_inf_nan=False, description="US dollars a paid judge may take a day (UTC); 0: no limit."
    )
    judge_limits: str = Field(
        default="",
        description="What all executors together may ask a paid judge's provider, as claude=20/1000: 20 at a time, "
        "1000 a minute; comma separated.",
    )
    judge_calls: int = Field(
        default=16, ge=1, le=500, description="Questions that one executor puts to judges at a time."
    )
    claude_provider: Literal["anthropic", "bedrock", "vertex", "foundry"] = Field(
        default="anthropic", description="Whose service the Claude judge is asked at."
    )
    result_storage: Annotated[str, BeforeValidator(str)] = Field(
        default=str(HOME / "results"),
        description="Where Prefect keeps the results of tasks: a folder, or an address such as s3://bucket/results.",
    )
    eval_runs: str = Field(
        default=str(HOME / "runs"), description="The folder of eval runs that the researchers' pages show."
    )
    rate_limits: Literal["on", "off"] = Field(default="on", description="Off for load tests only.")
    platform_networks: str = Field(
        default="", description="Private networks (CIDR, comma separated) where a platform may live."
    )
    allow_http: bool = Field(default=False, description="Permit plain http, for loopback addresses only.")
    default_lesson: str = Field(default="durable-workflows", description="The lesson of a launch that names none.")
    session_minutes: int = Field(default=120, ge=5, description="Life of a session after its last use.")
    trusted_proxies: int = Field(
        default=0, ge=0, description="How many proxies of the operator's stand in front of the tool."
    )
    log_level: str = Field(default="INFO", description="Lowest level that is logged.")
    redis_url: str = Field(
        default="",
        description="Redis that carries Prefect's events where several servers share the work; empty: memory.",
    )
    prefect_database_url: str = Field(
        default="",
        description="Where Prefect keeps its records; empty: SQLite, or with Redis a database beside the tool's own.",
    )
    prefect_days: int = Field(
        default=14, ge=0, description="After how many days Prefect's records of runs are deleted; 0 for never."
    )
    metrics_token: str = Field(
        default="", description="What a monitor has to send as bearer token to read /metrics; empty: anybody may."
    )

    @field_validator("base_url")
    @classmethod
    def base_url_is_an_origin(cls, value: str) -> str:
        """A tool lives at an origin: scheme and host, no path."""
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError("must be an origin such as https://atelier.example.edu")
        return value.rstrip("/")

    @field_validator("judge_limits")
    @classmethod
    def judge_limits_can_be_read(cls, value: str) -> str:
        """Each says a provider and at least one number."""
        read_limits(value)
        return value

    @property
    def provider_limits(self) -> Mapping[str, Limit]:
        """The limits by provider."""
        return read_limits(self.judge_limits)

    @property
    def offered_judges(self) -> tuple[str, ...]:
        """The judges that a placement may choose beside the usual one."""
        return tuple(dict.fromkeys(name.strip() for name in self.judges.split(",") if name.strip()))

    def judge_for(self, chosen: object) -> str:
        """The judge of a placement that chose this one: the usual one unless it is offered."""
        return chosen if isinstance(chosen, str) and chosen in self.offered_judges else self.judge

    @property
    def result_storage_address(self) -> str:
        """Where results are kept: an absolute path, or an address with its scheme."""
        here = "://" not in self.result_storage
        return str(Path(self.result_storage).resolve()) if here else self.result_storage

    @property
    def result_folder(self) -> Path:
        """The local folder of results; with shared storage, where it would be by default."""
        return Path(self.result_storage if "://" not in self.result_storage else HOME / "results").resolve()

    @property
    def eval_folder(self) -> Path:
        """The folder of eval runs."""
        return Path(self.eval_runs).resolve()

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the tool over TLS."""
        return self.base_url.startswith("https://")


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine: localhost or any address of 127.0.0.0/8 or ::1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once. SettingsProblem names the first setting that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsProblem(f"ATELIER_{name}: {first['msg'].removeprefix('Value error, ')}.") from None


def require_secret(settings: Settings) -> None:
    """SettingsProblem unless there is a secret key that is long enough."""
    if len(settings.secret_key) < SHORTEST_SECRET:
        raise SettingsProblem(
            f"ATELIER_SECRET_KEY must be at least {SHORTEST_SECRET} characters; "
            "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
