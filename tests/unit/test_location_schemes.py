"""Every scheme of a location is spelt out in one module, and a dialect's own in the dialect."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

SOURCES = ("cluster", "actors", "api", "reelyard")
SPELT_IN = {
    "actors/jobs/locations.py": "this is the module",
    "cluster/storage/protocol.py": "URLs of whole stores, as settings name them",
    "cluster/storage/opening.py": "the same",
    "cluster/storage/remote.py": "the same",
    "api/dolby/locations.py": "the dialect's own scheme",
}
"""The files that may, and why."""

_BEGINS = re.compile(
    r"(storage|task|upload|job|file|dlb|memory|s3a?|gs|az|azure|abfss?):(?!\s)", re.IGNORECASE
)
_STORE_WORDS = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss"})
_SCHEME_WORDS = frozenset({"storage", "task", "upload", "job", "file", "dlb", "memory"})


def docstrings(tree: ast.AST) -> set[int]:
    """Ids of the strings that are statements: docstrings, and what is said below a constant."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def scheme_operands(tree: ast.AST) -> Iterator[ast.AST]:
    """What is compared with something that is called a scheme, and the cases of a match on it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and "scheme" in ast.unparse(node.left):
            yield from node.comparators
        elif isinstance(node, ast.Match) and "scheme" in ast.unparse(node.subject):
            yield from (case.pattern for case in node.cases)


def spelt_schemes(source: str) -> list[str]:
    """Where `source` spells out a scheme: `line: text`."""
    tree = ast.parse(source)
    passed_over = docstrings(tree)
    words = {
        id(inner)
        for operand in scheme_operands(tree)
        for inner in ast.walk(operand)
        if isinstance(inner, ast.Constant)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.List) and ast.unparse(node) == "['input']":
            found.append(f"{node.lineno}: ['input']")
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        text = node.value
        as_word = text in _STORE_WORDS or (id(node) in words and text in _SCHEME_WORDS)
        if id(node) not in passed_over and (as_word or _BEGINS.match(text)):
            found.append(f"{node.lineno}: {text!r}")
    return found


def python_files() -> list[Path]:
    return [path for name in SOURCES for path in sorted((ROOT / name).rglob("*.py"))]


def test_no_other_module_spells_out_a_scheme() -> None:
    found = {
        name: spelt
        for path in python_files()
        if (name := str(path.relative_to(ROOT))) not in SPELT_IN
        and (spelt := spelt_schemes(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize("name", SPELT_IN)
def test_a_module_that_may_spell_out_schemes_does(name: str) -> None:
    assert spelt_schemes((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        'key = url.removeprefix("storage:")',
        'own = output.url.startswith("storage:")',
        'place = f"storage:{key}"',
        'inputs = [f"task:{name}"]',
        'url.startswith(("job:", "upload:"))',
        'path = url.removeprefix("file://")',
        'detail.replace(prefix, "dlb://")',
        'STORES = ("s3", "gs", "az")',
        'if scheme in ("", "file"): pass',
        'match scheme_of(text):\n    case "upload": pass',
        'TaskSpec(name, inputs=["input"])',
    ],
)
def test_a_scheme_that_is_spelt_out_is_found(source: str) -> None:
    assert len(spelt_schemes(source)) >= 1


@pytest.mark.parametrize(
    "source",
    [
        '"""Takes `storage:<key>` and task:<name>."""',
        'raise BadRequest(f"storage: {url!r} is not known")',
        'words = {"input": job.input, "task": name, "upload": made}',
        'if parts.scheme == "https": pass',
        "key = stored_key(url)",
    ],
)
def test_words_and_prose_are_no_schemes(source: str) -> None:
    assert spelt_schemes(source) == []
