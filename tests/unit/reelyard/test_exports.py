"""The public face: what `reelyard` exports is complete, and all that its documents need."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reelyard
from reelyard.cluster.errors import error_classes
from tests.paths import EXAMPLES, ROOT

INSIDE = ("reelyard.cluster", "reelyard.actors", "reelyard.api")
ROOMS = [f"reelyard.{found.name}" for found in pkgutil.iter_modules(reelyard.__path__)]
MODULES = ["reelyard", *(room for room in ROOMS if room not in INSIDE)]


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
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(INSIDE)
        for alias in node.names
    }
    assert set(module.__all__) == taken
    assert list(module.__all__) == sorted(module.__all__)
    assert all(getattr(module, found) is not None for found in module.__all__)


def test_an_operations_file_that_imports_the_public_face_loads_no_client() -> None:
    program = (
        "import sys, reelyard, reelyard.errors, reelyard.frames, reelyard.media\n"
        "print('reelyard.api.client' in sys.modules, 'ray' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]


def test_every_error_of_the_tree_can_be_caught_by_its_public_name() -> None:
    errors = importlib.import_module("reelyard.errors")
    assert {found.__name__ for found in error_classes()} <= set(errors.__all__)


@pytest.mark.parametrize(("page", "program"), programs_of_the_documents())
def test_the_documents_import_from_the_public_face_alone(page: str, program: str) -> None:
    assert {name for name in imports_of(program) if name.startswith(INSIDE)} == set(), page


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_the_examples_import_from_the_public_face_alone(path: Path) -> None:
    found = imports_of(path.read_text())
    assert {name for name in found if name.startswith(INSIDE)} == set()


@pytest.mark.parametrize("name", MODULES)
def test_every_export_is_listed_and_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip()
    assert set(module.__all__) <= set(dir(module))
    for exported in module.__all__:
        found = getattr(module, exported)
        assert not callable(found) or (found.__doc__ or "").strip(), exported


def test_a_name_that_is_not_public_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Cluster'"):
        _ = reelyard.Cluster


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "reelyard/py.typed").is_file()
