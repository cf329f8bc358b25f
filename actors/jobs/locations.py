"""Locations: the texts that say where inputs and outputs lie, taken apart and put together.

    text                     parsed         named by clients        opened by workers
    http://…, https://…      WebUrl         yes                     yes
    file:///…, /…            File           where it is allowed     yes
    s3://<bucket>/<key>, …   ObjectUrl      where it is allowed     yes
    storage:<key>            Stored         in their own folder     yes
    upload:<id>[/<name>]     Upload         their own               as the folder that it is
    job:<id>[/<name>]        JobOutput      their own               as the output that it is
    task:<name>              TaskOutputs    in a graph's steps      as the outputs that they are
    input                    JobInputs      in a graph's steps      as the inputs that they are
    <other>:…                Foreign        no                      no

Schemes are the same in upper case. `str()` of a parsed location is its text, in its one form:
`parse_location(str(location)) == location`. Permissions are not decided here. Pure.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import override
from urllib.parse import quote, unquote

import msgspec

from reelyard.cluster.errors import InvalidInput
from reelyard.cluster.storage.protocol import OBJECT_STORE_SCHEMES
from reelyard.cluster.url_secrets import hide_secrets

CLIENT_STORE_SCHEMES = ("s3", "gs", "az")
"""Object stores that clients may name; workers know more spellings, and memory for tests."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_QUERY = re.compile(r"[?#]")
_HOST = re.compile(r"[\w.-]*(:[0-9]*)?")
_STORED = "storage:"
_UPLOAD = "upload:"
_JOB = "job:"
_TASK = "task:"
_INPUT = "input"


class WebUrl(msgspec.Struct, frozen=True):
    """An http(s) URL, as it was written."""

    url: str

    @override
    def __str__(self) -> str:
        return self.url


class File(msgspec.Struct, frozen=True):
    """A path; one that ends in `/` means a folder. It may be relative: whoever opens it refuses."""

    path: str

    @classmethod
    def at(cls, path: Path, *, folder: bool = False) -> File:
        """`path`, said to be a folder or not."""
        text = str(path)
        return cls(f"{text}/" if folder and text != "/" else text)

    @property
    def local(self) -> Path:
        """The path, for this machine."""
        return Path(self.path)

    @property
    def is_folder(self) -> bool:
        """Whether it says that it is a folder."""
        return self.path.endswith("/")

    @override
    def __str__(self) -> str:
        if not self.path.startswith("/"):
            return self.path
        return "file://" + quote(self.path, errors="surrogateescape")


class ObjectUrl(msgspec.Struct, frozen=True):
    """An object, or a prefix that ends in `/`, in a store that is not Reelyard's own."""

    scheme: str
    bucket: str
    key: str

    @override
    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"


class Stored(msgspec.Struct, frozen=True):
    """An object of Reelyard's own storage; with a `/` at the end, a folder of it."""

    key: str

    @override
    def __str__(self) -> str:
        return _STORED + self.key


class Upload(msgspec.Struct, frozen=True):
    """An upload by its id; the name is for people who read lists of jobs."""

    upload_id: str
    name: str = ""

    @override
    def __str__(self) -> str:
        return f"{_UPLOAD}{self.upload_id}" + (f"/{self.name}" if self.name else "")


class JobOutput(msgspec.Struct, frozen=True):
    """An output of an earlier job; its first one if no name is given."""

    job_id: str
    name: str = ""

    @override
    def __str__(self) -> str:
        return f"{_JOB}{self.job_id}" + (f"/{self.name}" if self.name else "")


class TaskOutputs(msgspec.Struct, frozen=True):
    """Every output of another task of the same job."""

    task: str

    @override
    def __str__(self) -> str:
        return _TASK + self.task


class JobInputs(msgspec.Struct, frozen=True):
    """Every input of the job, as a step of its graph names them."""

    @override
    def __str__(self) -> str:
        return _INPUT


class Foreign(msgspec.Struct, frozen=True):
    """A location of a scheme that means nothing here. Whoever meets it says what is allowed."""

    scheme: str
    text: str

    @override
    def __str__(self) -> str:
        return self.text


type Location = WebUrl | File | ObjectUrl | Stored | Upload | JobOutput | TaskOutputs | Foreign


def parse_location(text: str) -> Location:
    """What `text` names. Raises `InvalidInput` for a `file:` or object URL that names nothing."""
    scheme = scheme_of(text)
    rest = text[len(scheme) + 1 :]
    match scheme:
        case "":
            return File(text)
        case "http" | "https":
            return WebUrl(text)
        case "file":
            return File(_file_path(rest))
        case "storage":
            return Stored(rest)
        case "upload":
            return Upload(*_two(rest))
        case "job":
            return JobOutput(*_two(rest))
        case "task":
            return TaskOutputs(rest)
        case _ if scheme in OBJECT_STORE_SCHEMES:
            return _object_url(scheme, text, rest)
    return Foreign(scheme, text)


def parse_step_input(text: str) -> Location | JobInputs:
    """What a step of a job's graph names as input. Raises as `parse_location`."""
    return JobInputs() if text == _INPUT else parse_location(text)


def scheme_of(text: str) -> str:
    """The scheme of a location in lower case; empty for a path."""
    found = _SCHEME.match(text)
    return found[1].lower() if found else ""


def stored_key(text: str) -> str | None:
    """The key of an output in Reelyard's own storage; None: it lies elsewhere."""
    return text[len(_STORED) :] if text.startswith(_STORED) else None


def named_task(text: str) -> str | None:
    """The task whose outputs a planned task reads at `text`; None: it reads something else."""
    return text[len(_TASK) :] if text.startswith(_TASK) else None


def file_path(text: str) -> Path | None:
    """The path in a `file:` URL; None: it is something else."""
    if scheme_of(text) != "file":
        return None
    with suppress(InvalidInput):
        return Path(_file_path(text[len("file:") :]))
    return None


def is_location(text: str) -> bool:
    """Whether a program's `text` is a URL or names something that Reelyard keeps; else it is a
    path of the program's own machine, and upper case is a part of its name."""
    return "://" in text or text.startswith((_UPLOAD, _STORED, _JOB))


def shown(text: str) -> str:
    """A location for messages: quoted, without the secrets of a URL, and not too long."""
    return repr(hide_secrets(text)[:200])


def last_name(text: str) -> str:
    """The last segment of a location's path, without a URL's query; empty if there is none."""
    scheme = scheme_of(text)
    rest = text[len(scheme) + 1 :] if scheme else text
    if scheme and rest.startswith("//"):
        _, slash, path = rest[2:].partition("/")
        rest = slash + path
        if scheme != "file":
            rest = _QUERY.split(rest, maxsplit=1)[0]
    return PurePosixPath(unquote(rest) if scheme == "file" else rest).name


def _object_url(scheme: str, text: str, rest: str) -> ObjectUrl:
    bucket, _, key = rest.removeprefix("//").partition("/")
    if not rest.startswith("//") or not bucket:
        raise InvalidInput(f"{shown(text)} is not the URL of an object, like {scheme}://bucket/key")
    return ObjectUrl(scheme, bucket, key)


def _file_path(rest: str) -> str:
    """The path in what follows `file:`. A name may hold `?` and `#`: no file has a query."""
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if not _HOST.fullmatch(host):
            raise InvalidInput(f"{shown('file:' + rest)} is not a URL, like file:///folder/name")
        rest = slash + path
    return unquote(rest, errors="surrogateescape")


def _two(text: str) -> tuple[str, str]:
    first, _, second = text.partition("/")
    return first, second
