"""Bodies that `/v1` takes for jobs and keys: what the Python client holds its requests to as well,
where no server looks at them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from reelyard.actors.jobs.locations import JobInputs, Upload
from reelyard.actors.jobs.messages import KeyScope, KeySpec
from reelyard.api.http.bodies import Body, Metadata
from reelyard.cluster.faults import of_field

MOST_CREDITS = 10**12
"""In one grant: sums of them stay exact, in JavaScript too."""
LONGEST_KEY_S = 10 * 366 * 86_400.0


class KeyBody(Body):
    """An API key to make."""

    tenant: str = Field("default", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    name: str = Field("", max_length=200)
    admin: bool = Field(False, description="the same as `scope: admin`")
    scope: KeyScope | None = Field(
        None,
        description="`read`: look at the tenant's jobs; `submit`: submit and change them, upload; "
        "`admin`: operate the cluster. Unset: `submit`",
    )
    expires_in_s: float | None = Field(
        None, gt=0, le=LONGEST_KEY_S, description="unset: until it is revoked"
    )
    credits: int | None = Field(
        None, ge=0, le=MOST_CREDITS, description="granted to the tenant with this key"
    )

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if self.admin and self.scope not in (None, KeyScope.ADMIN):
            raise ValueError(f"admin is the scope admin, not {self.scope}")
        return self

    def spec(self) -> KeySpec:
        """What the registry is to make."""
        usual = KeyScope.ADMIN if self.admin else KeyScope.SUBMIT
        return KeySpec(
            self.tenant,
            self.name,
            scope=self.scope or usual,
            life_s=self.expires_in_s,
            credits=self.credits,
        )


class RotationBody(Body):
    """How an API key is to be replaced."""

    overlap_s: float = Field(
        86_400, ge=0, le=LONGEST_KEY_S, description="so long the old key still works"
    )


class TaskBody(Body):
    """A step of a job's graph."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")
    operation: str
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: list[str] = Field(
        default_factory=lambda: [str(JobInputs())],
        max_length=64,
        description="`input` for the job's inputs, `task:<name>` for another step's outputs, "
        "or a location",
    )
    output: str | None = Field(None, description="destination URL; unset: Reelyard's own storage")


class JobBody(Body):
    """A job to run. Give its input in exactly one of `url`, `input`, `inputs`, `upload_id`."""

    operation: str | None = Field(
        None, description="name of an operation; may be left out where `tasks` are given"
    )
    url: str | None = Field(None, max_length=8192, description="URL of the input")
    input: str | None = Field(
        None,
        max_length=8192,
        description="location of the input: a URL, `upload:<id>`, `job:<id>[/<output name>]`, "
        "or what the operator allows",
    )
    inputs: list[Annotated[str, Field(max_length=8192)]] | None = Field(None, max_length=64)
    upload_id: str | None = Field(None, max_length=64, description="id of a finished upload")
    params: dict[str, Any] = Field(
        default_factory=dict, description="parameters; see `/v1/operations/{name}`"
    )
    output: str | None = Field(
        None,
        max_length=8192,
        description="destination: a presigned PUT URL, a URL in an object store that the operator "
        "allows (ending in `/`: a folder); unset: Reelyard's own storage",
    )
    priority: int = Field(0, ge=-100, le=100, description="higher runs first")
    metadata: Metadata = Field(
        default_factory=dict, description="kept with the job, at most 16 KiB of JSON"
    )
    pool: str | None = Field(None, description="pool of workers to run on, e.g. gpu")
    tasks: list[TaskBody] | None = Field(
        None, min_length=1, max_length=64, description="a graph of steps instead of `operation`"
    )

    @model_validator(mode="after")
    def _one_input(self) -> JobBody:
        given = [
            name
            for name in ("url", "input", "inputs", "upload_id")
            if getattr(self, name) is not None
        ]
        if len(given) > 1:
            raise of_field(given[1], f"give one of {', '.join(given)}, not all of them")
        if self.operation is None and self.tasks is None:
            raise of_field("operation", "is required", "missing")
        return self

    def sources(self) -> list[tuple[str, str]]:
        """The inputs as locations, not yet checked, each after the field that it was sent in."""
        if self.inputs is not None:
            return [(f"inputs.{place}", text) for place, text in enumerate(self.inputs)]
        if self.upload_id is not None:
            return [("upload_id", str(Upload(self.upload_id)))]
        given = [("url", self.url), ("input", self.input)]
        return [(field, text) for field, text in given if text is not None]


class BatchItem(JobBody):
    """A job of a batch, with a key of its own if it is to be run once only."""

    idempotency_key: str | None = Field(None, min_length=1, max_length=255)
