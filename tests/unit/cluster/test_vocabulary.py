"""Nothing in `cluster` knows of jobs: the words of the upper floors do not even occur there."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

CLUSTER = ROOT / "cluster"


def split(words: str) -> frozenset[str]:
    return frozenset(words.split())


DIALECTS = split("pipelyn dolby dlb ittybit videoconduit")
UPSTAIRS = DIALECTS | split(
    "job task attempt tenant lease fence incarnation registry worker pool lane slot fleet codec "
    "operation preset media credit refund idempotency webhook callback dialect"
)
"""Words of `actors` and `api`; those of `DIALECTS` are nowhere allowed."""

MAY_SAY: dict[str, dict[str, str]] = {
    "settings.py": dict.fromkeys(
        split(
            "job task attempt tenant lease registry worker pool codec operation media credit "
            "idempotency"
        ),
        "operators set the limits of every floor in one class",
    ),
    "errors.py": dict.fromkeys(
        split("job worker codec operation media credit idempotency"),
        "one tree holds the error codes of every floor",
    ),
    "metrics.py": dict.fromkeys(
        split("job task tenant lease worker pool codec operation media"),
        "every floor's metrics are declared in one place",
    ),
    "runtime/ray_env.py": {
        "worker": "Ray's worker processes",
        "task": "Ray's tasks",
        "callback": "a variable of Serve's has it",
    },
    "runtime/ray_start.py": {"worker": "Ray's worker processes"},
    "runtime/haproxy_rules.py": {"idempotency": "a header that HTTP knows (Idempotency-Key)"},
    "folders/run_folder.py": {"worker": "Ray's worker processes"},
    "logs/structured.py": {"worker": "the name of a module of Ray's"},
    "fetching/fetch.py": {"attempt": "stamina's word for a try"},
    "fetching/checked_transport.py": {"pool": "httpcore's pool of connections"},
    "storage/remote.py": {
        "attempt": "stamina's word for a try",
        "pool": "obstore's options for its pool of connections",
        "task": "asyncio's tasks",
    },
    "storage/streams.py": {"task": "asyncio's tasks"},
    "storage/uploads/writers.py": {"task": "asyncio's tasks"},
}
"""By file: the words that may occur in it, and why."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SAID = (
    tokenize.NAME,
    tokenize.STRING,
    tokenize.COMMENT,
    tokenize.FSTRING_MIDDLE,
)


def words_of(text: str) -> Iterator[str]:
    """The words in a name or a sentence: lower case, singular, `max_jobs` and `JobStore` parted."""
    for word in re.findall(r"[A-Za-z]+", _HUMP.sub(" ", text)):
        lower = word.lower()
        yield lower if lower in UPSTAIRS else lower.removesuffix("s")


def upstairs_words(source: str) -> dict[str, int]:
    """Words of the upper floors in `source`, in code, strings and comments; the first line each."""
    found: dict[str, int] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _SAID:
            for word in words_of(token.string):
                if word in UPSTAIRS:
                    found.setdefault(word, token.start[0])
    return found


def modules() -> list[str]:
    return [str(path.relative_to(CLUSTER)) for path in sorted(CLUSTER.rglob("*.py"))]


@pytest.mark.parametrize("name", modules())
def test_a_module_of_the_cluster_knows_nothing_of_the_upper_floors(name: str) -> None:
    found = upstairs_words((CLUSTER / name).read_text(encoding="utf-8"))
    allowed = MAY_SAY.get(name, {})
    assert {word: line for word, line in found.items() if word not in allowed} == {}
    assert not UPSTAIRS.intersection(words_of(Path(name).with_suffix("").as_posix()))


@pytest.mark.parametrize("name", MAY_SAY)
def test_a_module_is_allowed_no_word_that_it_does_not_need(name: str) -> None:
    found = upstairs_words((CLUSTER / name).read_text(encoding="utf-8"))
    assert MAY_SAY[name].keys() - found.keys() == set()


def test_a_dialect_is_named_nowhere_in_the_cluster() -> None:
    assert [name for name, words in MAY_SAY.items() if DIALECTS.intersection(words)] == []


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("job_id = 1", "job"),
        ("def job_prefix(): ...", "job"),
        ("class TenantStore: ...", "tenant"),
        ("MAX_TASKS = 3", "task"),
        ('"""Deletes a tenant\'s uploads."""', "tenant"),
        ("x = 1  # Pipelyn wants it so", "pipelyn"),
        ('prefix = "tenants/"', "tenant"),
        ('key = f"{owner}/jobs/{name}"', "job"),
        ('url.removeprefix("dlb://")', "dlb"),
        ("from reelyard.actors.jobs.model import Lease", "lease"),
    ],
)
def test_a_word_of_the_upper_floors_is_found_wherever_it_stands(source: str, word: str) -> None:
    assert upstairs_words(source).get(word) == 1


@pytest.mark.parametrize(
    "source",
    [
        'key = "a/b"  # asynchronously',
        "def release(folder): ...",
        '"""Objects by key: multitasking, immediate, offences, defence."""',
        "from reelyard.cluster.storage import Storage",
    ],
)
def test_words_that_only_look_alike_are_none(source: str) -> None:
    assert upstairs_words(source) == {}
