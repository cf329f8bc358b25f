"""The imports of a command line before it does anything."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from reelyard.api.cli.app import COMMANDS, build
from reelyard.api.cli.output import Exit
from reelyard.api.cli.session import unknown_variables


def imported_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has imported after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("words", [["--version"], ["-V"]])
def test_the_version_is_told(words: list[str]) -> None:
    told = CliRunner().invoke(build(words), words)
    assert (told.exit_code, told.output) == (0, f"reelyard {version('reelyard')}\n")


@pytest.mark.parametrize("words", [["-h"], ["jobs", "-h"], ["keys", "create", "-h"]])
def test_help_is_a_letter_away(words: list[str]) -> None:
    told = CliRunner().invoke(build(words), words)
    assert told.exit_code == 0
    assert "Usage:" in told.output


@pytest.mark.parametrize(
    ("words", "meant"), [(["joobs"], "jobs"), (["jobs", "--limt", "5"], "--limit")]
)
def test_a_misspelt_word_is_wrong_usage_and_told_with_the_one_meant(
    words: list[str], meant: str
) -> None:
    told = CliRunner().invoke(build(words), words)
    assert told.exit_code == Exit.USAGE
    assert meant in told.output


def test_a_variable_that_no_setting_has_is_told_with_the_one_meant() -> None:
    told = unknown_variables(["REELYARD_PROT", "REELYARD_PORT", "REELYARD_URL", "PROT"])
    assert told == {"REELYARD_PROT": "REELYARD_PORT"}


def test_without_a_known_command_all_are_there() -> None:
    for words in ([], ["--help"], ["nonsense"]):
        app = build(words)
        names = {command.name for command in app.registered_commands}
        names |= {group.name for group in app.registered_groups}
        assert names == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_built_alone(name: str) -> None:
    app = build([name, "--help"])
    assert len(app.registered_commands) + len(app.registered_groups) == 1


def test_no_command_imports_ray_before_it_knows_that_it_needs_it() -> None:
    assert "ray" not in imported_by("from reelyard.api.cli.app import build; build([])")


def test_an_operation_is_found_without_importing_all_others() -> None:
    found = imported_by(
        "from reelyard.actors.media.catalogue import find_operation; find_operation('probe')"
    )
    assert "reelyard.actors.media.operations.probe" in found
    assert "reelyard.actors.media.operations.transcode" not in found
