"""All settings of a Reelyard process, in one class.

Precedence: explicit argument, environment (`REELYARD_<NAME>`), `reelyard.toml` (in the working
folder, or where `REELYARD_CONFIG` points), default. Every limit and time carries its unit in its
name. `docs/configuration.md` is made from this file.
"""

from __future__ import annotations

import ipaddress
import math
import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from reelyard.cluster.errors import ValidationFailed
from reelyard.cluster.faults import fault, refusal
from reelyard.cluster.setting_values import StringList, StringTable, faults_in_settings

CONFIG_VARIABLE = "REELYARD_CONFIG"
REPORTS_A_LEASE = 3
"""Reports that fit into a lease: so many less one may be lost."""


class PoolSettings(BaseModel):
    """One pool of like workers. In the environment: `REELYARD_POOLS='{"cpu": {...}}'`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_workers: int = Field(1, ge=0, description="workers kept even when there is nothing to do")
    max_workers: int = Field(1, ge=0, description="the most workers this pool grows to")
    cpus_per_worker: float = Field(1.0, ge=0, description="CPUs reserved for each worker in Ray")
    gpus_per_worker: float = Field(0.0, ge=0, description="GPUs reserved for each worker in Ray")
    threads_per_worker: int = Field(
        1, ge=1, description="cores of each worker, shared out among the tasks that it runs"
    )
    memory_bytes: int | None = Field(None, description="memory reserved for each worker in Ray")
    labels: dict[str, str] = Field(
        default_factory=dict, description="Ray node labels that a worker's node must carry"
    )
    steals_from: tuple[str, ...] = Field(
        (), description="pools whose tasks an idle worker of this pool takes, in order"
    )
    idle_exit_s: float = Field(300, gt=0, description="an idle worker above the minimum exits")


def default_pools(cores: int) -> dict[str, PoolSettings]:
    """The pools of one machine with `cores` CPUs; Ray is told of just as many CPUs.

    A `light` worker costs a quarter CPU, so that a probe never waits behind an encode; a `cpu`
    worker takes up to four cores and helps out with light tasks when no encode waits.
    """
    light_cpus = 0.25
    per_worker = max(1, min(4, cores))
    workers = max(1, cores // per_worker)
    cpus = math.floor((cores - light_cpus) / workers * 100) / 100
    return {
        "light": PoolSettings(min_workers=1, max_workers=1, cpus_per_worker=light_cpus),
        "cpu": PoolSettings(
            min_workers=1,
            max_workers=workers,
            cpus_per_worker=cpus,
            threads_per_worker=per_worker,
            steals_from=("light",),
        ),
        "gpu": PoolSettings(
            min_workers=0,
            max_workers=8,
            cpus_per_worker=1,
            gpus_per_worker=1,
            threads_per_worker=1,
        ),
    }


class Settings(BaseSettings):
    """Everything an operator can set. Raises `ValidationFailed` naming each wrong setting."""

    model_config = SettingsConfigDict(
        env_prefix="REELYARD_", extra="forbid", frozen=True, toml_file="reelyard.toml"
    )

    # --- where things are ---
    data_dir: Path = Field(
        Path("~/.reelyard"), description="folder for the embedded store, objects and scratch files"
    )
    namespace: str = Field("reelyard", description="Ray namespace of the named actors")
    ray_address: str | None = Field(
        None, description="address of a running Ray cluster; unset: the embedded one"
    )
    store_url: str | None = Field(
        None,
        repr=False,
        description="`sqlite:///path` or `redis://host:port/db`; unset: SQLite in data_dir",
    )
    storage_url: str | None = Field(
        None,
        description="`file:///path`, `s3://bucket/prefix`, `gs://`, `az://`, `memory://`; "
        "unset: `objects` in data_dir",
    )
    storage_options: StringTable = Field(
        default_factory=dict,
        repr=False,
        description="options for the object store, e.g. endpoint, region, access_key_id",
    )
    scratch_dir: Path | None = Field(
        None, description="local folder for work in progress; unset: `scratch` in data_dir"
    )
    log_dir: Path | None = Field(
        None,
        description="folder for logs; unset: `logs` in data_dir, and on a Ray cluster `reelyard` "
        "in each node's folder of Ray's logs",
    )
    operations: StringList = Field(
        default_factory=list,
        description="Python files or modules that register further operations",
    )

    # --- HTTP ---
    host: str = Field("127.0.0.1", description="address that the HTTP server binds")
    port: int = Field(8000, ge=0, le=65535, description="port of the HTTP server")
    public_url: str | None = Field(
        None,
        description="URL under which clients reach the server; unset: taken from a request's Host "
        "where that is an address, this machine's name or one of allowed_hosts",
    )
    allowed_hosts: StringList = Field(
        default_factory=list,
        description="names under which clients reach the server, for the links in its answers; "
        "`*.example.com` stands for all below it",
    )
    trusted_proxies: StringList = Field(
        default_factory=list,
        description="addresses and networks of the proxies before this server: their "
        "X-Forwarded-For tells whose connection it is",
    )
    max_connections_per_address: int | None = Field(
        None,
        ge=0,
        description="connections that one address may hold at a time; 0: any number; unset: half "
        "of those that the server takes",
    )
    proxy: Literal["auto", "haproxy", "python"] = Field(
        "auto", description="Serve's HTTP proxy; auto: HAProxy where its binary exists"
    )
    api_replicas: int | None = Field(
        None,
        ge=1,
        description="replicas of the job API, of which one may die unnoticed; unset: 2, or 1 "
        "where Ray has less than 4 GiB of memory",
    )
    transfer_replicas: int = Field(1, ge=1, description="replicas that move bytes")
    max_json_bytes: int = Field(8 << 20, gt=0, description="largest JSON request body")
    max_upload_bytes: int = Field(16 << 30, gt=0, description="largest upload")
    max_form_bytes: int = Field(
        120 << 20, gt=0, description="largest form that brings a job and its file"
    )
    rate_limit_per_minute: int = Field(0, ge=0, description="requests a minute a key; 0: no limit")
    max_wait_s: float = Field(30, gt=0, description="longest `?wait=` of a poll")
    url_ttl_s: int = Field(3600, gt=0, description="life of a signed download or upload URL")
    signing_secret: str | None = Field(
        None,
        repr=False,
        description="secret for URLs, cursors and tokens; unset: made once and kept in the store",
    )
    url_secrets_key: str | None = Field(
        None,
        repr=False,
        pattern=r"^[A-Za-z0-9_-]{43}=$",
        description="32 bytes in base64url that encrypt passwords and signatures of jobs' URLs; "
        "unset: made once, in `secrets.key` in data_dir",
    )

    # --- inputs ---
    input_roots: StringList = Field(
        default_factory=list, description="folders whose files HTTP clients may name as input"
    )
    input_stores: StringList = Field(
        default_factory=list,
        description="object-store URL prefixes that clients may read from and write to",
    )
    fetch_allow_hosts: StringList = Field(
        default_factory=list,
        description="`host:port` of non-public addresses that inputs may be fetched from",
    )
    fetch_max_bytes: int = Field(16 << 30, gt=0, description="largest input fetched by URL")
    fetch_connect_timeout_s: float = Field(10, gt=0, description="time to connect to a source")
    fetch_read_timeout_s: float = Field(30, gt=0, description="longest silence of a source")
    fetch_total_timeout_s: float = Field(3600, gt=0, description="time for a whole fetch")
    fetch_max_redirects: int = Field(3, ge=0, description="redirects followed on a fetch")

    # --- jobs ---
    lease_ttl_s: float = Field(30, gt=0, description="life of a lease without a progress report")
    heartbeat_s: float = Field(
        0.5,
        gt=0,
        validate_default=True,
        description="time between two reports of a busy worker; at most a third of lease_ttl_s",
    )
    poll_s: float = Field(5, gt=0, description="longest wait of an idle worker for a task")
    max_attempts: int = Field(
        3, ge=1, description="attempts of a task that fails for a reason that may pass"
    )
    max_crashes: int = Field(2, ge=1, description="codec crashes after which a task is refused")
    max_losses: int = Field(
        20, ge=1, description="attempts of a task that are lost with their worker, node or cluster"
    )
    max_batch_jobs: int = Field(1000, ge=1, description="jobs in one batch request over HTTP")
    max_queued_jobs: int = Field(1_000_000, ge=1, description="unfinished jobs in the registry")
    record_retention_days: float = Field(31, gt=0, description="life of a job's record")
    output_retention_hours: float = Field(
        168, gt=0, description="life of outputs in Reelyard's own storage, after the job's end"
    )
    upload_retention_hours: float = Field(48, gt=0, description="life of uploads")
    idempotency_ttl_hours: float = Field(24, gt=0, description="life of an idempotency key")
    sweep_interval_s: float = Field(60, gt=0, description="time between two expiry sweeps")
    sweep_batch: int = Field(100, ge=1, description="jobs handled in one step of a sweep")
    default_credits: int | None = Field(
        None, description="credits of a new tenant; unset: not limited"
    )

    # --- workers ---
    pools: dict[str, PoolSettings] = Field(
        default_factory=dict, description="pools that replace or add to those of this machine"
    )
    cpus: int | None = Field(
        None, ge=1, description="CPUs that the embedded cluster uses; unset: all of this machine"
    )
    object_store_bytes: int = Field(
        256 << 20, gt=0, description="Ray's object store in the embedded cluster; no frames in it"
    )
    dashboard: bool = Field(True, description="start Ray's dashboard with `reelyard up`")
    stall_timeout_s: float = Field(120, gt=0, description="a codec process without progress dies")
    task_timeout_s: float = Field(6 * 3600, gt=0, description="longest run of one task")
    cancel_grace_s: float = Field(
        0.5, ge=0, description="time that a cancelled codec process gets to stop by itself"
    )
    codec_memory_bytes: int = Field(4 << 30, gt=0, description="address space of a codec process")
    codec_max_tasks: int = Field(
        500, ge=1, description="tasks after which a codec process is renewed"
    )
    codec_max_growth_bytes: int = Field(
        512 << 20, gt=0, description="memory growth after which a codec process is renewed"
    )
    scratch_reserve_bytes: int = Field(
        1 << 30, ge=0, description="free disk under which a worker takes no further task"
    )

    disk_reserve_bytes: int = Field(
        64 << 20,
        ge=0,
        description="free disk under which no job is taken on, where the embedded store or a "
        "local storage lies",
    )

    # --- media limits ---
    max_pixels: int = Field(
        100_000_000, gt=0, description="largest frame or image, width times height"
    )
    max_streams: int = Field(64, ge=1, description="most streams in one input")
    max_duration_s: float = Field(
        12 * 3600, gt=0, description="longest part of an input that is worked on"
    )
    max_frames: int = Field(2_600_000, ge=1, description="most video frames that a task produces")
    max_output_bytes: int = Field(64 << 30, gt=0, description="largest output file")

    # --- logs ---
    log_format: Literal["auto", "console", "json"] = Field(
        "auto",
        description="how `reelyard logs` shows lines; auto: as text on a terminal, else as JSON. "
        "In the files they are JSON",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="log level")
    log_file_bytes: int = Field(
        16 << 20, ge=4096, description="size at which a log file is put aside and begun anew"
    )
    log_keep_bytes: int = Field(
        512 << 20, gt=0, description="logs kept on a node, and as much again of Ray's own"
    )
    log_retention_days: float = Field(31, gt=0, description="age at which logs are deleted")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        named = os.environ.get(CONFIG_VARIABLE)
        if named is not None and not Path(named).is_file():
            raise ValidationFailed(f"{CONFIG_VARIABLE}: there is no file {named!r}")
        path = Path(named or "reelyard.toml")
        try:
            toml = TomlConfigSettingsSource(settings_cls, path)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ValidationFailed(f"settings: {path} can't be read as TOML: {error}") from None
        return init_settings, env_settings, toml

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise refusal(faults_in_settings(error, type(self)), "settings") from None
        except SettingsError as error:
            # Only its message names the setting (pydantic-settings 2.16).
            name = str(error).partition('"')[2].partition('"')[0]
            sentence = f"is not valid JSON: {error.__cause__}"
            one = fault([name], sentence) | {"field": f"{name} (REELYARD_{name.upper()})"}
            raise refusal([one], "settings") from None

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_networks(cls, trusted_proxies: list[str]) -> list[str]:
        for proxy in trusted_proxies:
            ipaddress.ip_network(proxy, strict=False)
        return trusted_proxies

    @field_validator("heartbeat_s")
    @classmethod
    def _a_lease_outlives_reports(cls, heartbeat_s: float, info: ValidationInfo) -> float:
        ttl_s = info.data.get("lease_ttl_s")
        if ttl_s is not None and heartbeat_s * REPORTS_A_LEASE > ttl_s:
            raise ValueError(
                f"must be at most {ttl_s / REPORTS_A_LEASE:g}, a third of lease_ttl_s: a busy "
                "worker would lose its task"
            )
        return heartbeat_s

    @cached_property
    def data(self) -> Path:
        """`data_dir`, absolute."""
        return self.data_dir.expanduser().absolute()

    @cached_property
    def scratch(self) -> Path:
        """`scratch_dir`, absolute."""
        return (self.scratch_dir or self.data / "scratch").expanduser().absolute()

    @cached_property
    def logs(self) -> Path:
        """`log_dir`, absolute, for an embedded cluster."""
        return (self.log_dir or self.data / "logs").expanduser().absolute()

    @cached_property
    def local_places(self) -> list[Path]:
        """Files and folders of this machine in which an embedded cluster keeps something."""
        places = [self.scratch, self.logs]
        for scheme, url in (("sqlite", self.store), ("file", self.storage)):
            parts = urlsplit(url)
            if parts.scheme == scheme and parts.path.startswith("/"):
                places.append(Path(unquote(parts.path)))
        return places

    @cached_property
    def store(self) -> str:
        """`store_url` with its default filled in."""
        return self.store_url or f"sqlite:///{self.data / 'jobs.db'}"

    @cached_property
    def storage(self) -> str:
        """`storage_url` with its default filled in."""
        return self.storage_url or (self.data / "objects").as_uri()

    @cached_property
    def cores(self) -> int:
        """CPUs of the embedded cluster."""
        return self.cpus or len(os.sched_getaffinity(0))

    @cached_property
    def all_pools(self) -> dict[str, PoolSettings]:
        """The pools of this machine, with the operator's own on top."""
        return default_pools(self.cores) | self.pools

    def portable(self) -> Settings:
        """The same settings with absolute paths, for processes with another working folder."""
        operations = [
            str(Path(name).expanduser().absolute()) if name.endswith(".py") else name
            for name in self.operations
        ]
        paths: dict[str, Path] = {"data_dir": self.data}
        if self.scratch_dir is not None:
            paths["scratch_dir"] = self.scratch
        if self.log_dir is not None:
            paths["log_dir"] = self.logs
        return self.model_copy(update={"operations": operations, **paths})
