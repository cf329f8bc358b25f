"""The package as users install it: a wheel, where nothing else of the project is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from reelyard.testing import make_sample
from tests.paths import EXAMPLES, ROOT

SCRIPT = '''
"""Made by somebody who has never seen the source."""

import sys
from pathlib import Path

import api
import cluster
from reelyard import Client, JobView, State, connect
from reelyard.errors import ReelyardError


def ended(reelyard: Client, paths: list[Path]) -> dict[str, JobView]:
    jobs = reelyard.submit_many("probe", paths)
    return {str(job.source_url): job for job in reelyard.as_completed(jobs)}


def main() -> int:
    with connect() as reelyard:
        for source, job in ended(reelyard, [Path(name) for name in sys.argv[1:]]).items():
            print(source, job.state is State.SUCCEEDED, api.MINE, cluster.MINE)
            try:
                print(job.result()["duration_s"])
            except ReelyardError as error:
                print(error.code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what belongs to the source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("actors", "api", "cluster", "reelyard"):
        shutil.copytree(
            ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=source, check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python with the wheel and what it depends on, which the tests' own environment lends."""
    home = tmp_path_factory.mktemp("home")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    site = next(home.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: their own things are called as the parts of Reelyard are."""
    (tmp_path / "api").mkdir()
    for name in ("api/__init__.py", "cluster.py", "actors.py", "tests.py"):
        (tmp_path / name).write_text('MINE: str = "mine"\n')
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def test_nothing_but_one_package_is_installed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"reelyard"}
    assert {
        "reelyard/py.typed",
        "reelyard/__init__.py",
        "reelyard/cluster/settings.py",
        "reelyard/actors/registry/store/sqlite/schema.sql",
        "reelyard/api/cli/__init__.py",
    } <= set(names)


def test_a_script_runs_beside_files_that_are_called_like_parts_of_it(
    python: Path, folder: Path
) -> None:
    make_sample(folder / "clip.mp4", duration_s=1)
    (folder / "broken.mp4").write_bytes(b"no media")
    done = subprocess.run(
        [python, "-W", "error::ImportWarning", "script.py", "clip.mp4", "broken.mp4"],
        cwd=folder,
        env={**os.environ, "REELYARD_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "clip.mp4 True mine mine\n1.0\n" in done.stdout
    assert "broken.mp4 False mine mine\ncorrupt_media\n" in done.stdout


def test_programs_of_users_pass_strict_type_checks(python: Path, folder: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)),
            *("--config-file=", "script.py"),
            *map(str, sorted(EXAMPLES.glob("*.py"))),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("Success: no issues found"), done.stdout


def test_a_mistake_in_a_program_of_a_user_is_found_by_type_checks(
    python: Path, folder: Path
) -> None:
    (folder / "script.py").write_text(SCRIPT.replace("job.state is", "job.stat is"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)),
            *("--config-file=", "script.py"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert '"JobView" has no attribute "stat"' in done.stdout
