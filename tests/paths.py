"""Folders that tests refer to."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
EXAMPLES = ROOT / "examples"
CORPUS = ROOT.parent / "shared" / "media"
"""Real media files beside the project; absent on most machines."""
