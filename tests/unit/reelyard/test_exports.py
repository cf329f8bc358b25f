"""The public face: what `reelyard` exports is complete, and all that its documents need."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.errors import error_classes
from tests.paths import EXAMPLES, ROOT

MODULES = ("reelyard", "reelyard.errors", "reelyard.frames", "reelyard.testing")
INSIDES = {"actors.media", "api.cli"}
"""What examples may use besides: the tools of the operations that come with Reelyard, and the
tables that the command prints (the demonstration prints the same)."""


def imports_of(program: str) -> set[str]:
    """The modules that a program imports."""
    found = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def programs_of_the_documents() -> list[tuple[str, str]]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [
        (page.name, block)
        for page in pages
        for block in re.findall(
            r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
        )
    ]


@pytest.mark.parametrize("name", MODULES)
def test_everything_that_a_module_takes_from_inside_is_exported_in_order(name: str) -> None:
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text())
    taken = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").split(".")[0] in {"cluster", "actors", "api"}
        for alias in node.names
    }
    assert set(module.__all__) == taken
    assert list(module.__all__) == sorted(module.__all__)
    assert all(getattr(module, found) is not None for found in module.__all__)


def test_an_operations_file_that_imports_the_public_face_loads_no_client() -> None:
    program = (
        "import sys, reelyard, reelyard.frames\n"
        "print('api.client' in sys.modules, 'ray' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_every_error_of_the_tree_can_be_caught_by_its_public_name() -> None:
    errors = importlib.import_module("reelyard.errors")
    assert {found.__name__ for found in error_classes()} <= set(errors.__all__)


@pytest.mark.parametrize(("page", "program"), programs_of_the_documents())
def test_the_documents_import_from_the_public_face_alone(page: str, program: str) -> None:
    inside = {"cluster", "actors", "api"}
    assert {name for name in imports_of(program) if name.split(".")[0] in inside} == set(), page


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_the_examples_need_no_more_than_the_tools_of_operations_besides(path: Path) -> None:
    ours = {
        name
        for name in imports_of(path.read_text())
        if name.split(".")[0] in {"cluster", "actors", "api"}
    }
    assert [name for name in sorted(ours) if ".".join(name.split(".")[:2]) not in INSIDES] == []
