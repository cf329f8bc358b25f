"""The public face: complete, documented, quick to import, and all that a user needs."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import cluster.errors
import reelyard
import reelyard.errors
from tests.paths import EXAMPLES, ROOT

MODULES = [
    "reelyard",
    *(f"reelyard.{found.name}" for found in pkgutil.iter_modules(reelyard.__path__)),
]
INTERNAL = re.compile(r"^\s*(?:from|import) (?:cluster|actors|api)\b", re.MULTILINE)


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def imported_names(module: ModuleType) -> set[str]:
    """What a module's file imports from the house."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        if node.module.split(".")[0] in ("cluster", "actors", "api")
        for alias in node.names
    }


def test_exports_are_complete_and_sorted(module: ModuleType) -> None:
    assert set(module.__all__) == imported_names(module)
    assert module.__all__ == sorted(module.__all__)


def test_every_export_is_there_and_documented(module: ModuleType) -> None:
    for name in module.__all__:
        found = getattr(module, name)
        if callable(found):
            assert (found.__doc__ or "").strip(), name
    assert (module.__doc__ or "").strip()
    assert set(module.__all__) <= set(dir(module))


def test_every_error_that_a_call_may_raise_is_exported() -> None:
    tree = {cls.__name__ for cls in cluster.errors.error_classes()}
    assert set(reelyard.errors.__all__) == tree


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Cluster'"):
        _ = reelyard.Cluster


def test_a_user_imports_from_the_public_face_alone() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *EXAMPLES.glob("*.py")]
    assert len(pages) > 8
    assert [page.name for page in pages if INTERNAL.search(page.read_text())] == []


def test_every_name_that_the_guide_imports_is_public() -> None:
    guide = (ROOT / "docs/python.md").read_text()
    found = re.findall(r"^from (reelyard[.\w]*) import (.+)$", guide, re.MULTILINE)
    assert found
    for name, imported in found:
        module = importlib.import_module(name)
        assert {part.strip() for part in imported.split(",")} <= set(module.__all__)


def test_an_operations_imports_load_neither_client_nor_ray() -> None:
    program = (
        "import sys\n"
        "from reelyard import MediaFile, Params, Result, Work, operation\n"
        "import reelyard.errors, reelyard.frames, reelyard.media\n"
        "heavy = ('ray', 'api', 'httpx2', 'fastapi', 'redis')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]"


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "reelyard/py.typed").is_file()
