"""The documents say what the code does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml

from reelyard.api.cli import error_reference
from reelyard.api.cli.config import reference
from reelyard.cluster.errors import error_classes
from tests.paths import ROOT


def test_the_configuration_reference_is_the_one_that_the_settings_give() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference()


def test_the_page_of_errors_is_the_one_that_their_classes_give() -> None:
    page = (ROOT / "docs/errors.md").read_text()
    assert page == error_reference.reference()
    assert all(f"| `{cls.code}` |" in page for cls in error_classes())


def test_every_document_that_a_document_links_to_exists() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for part in page.read_text().split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def packages() -> set[str]:
    """Every folder of the source that holds modules, as `actors/jobs/`."""
    files = subprocess.run(
        ["git", "ls-files", "cluster", "actors", "api", "reelyard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return {str(Path(name).parent) for name in files if name.endswith(".py")}


def drawn_folders(page: str) -> set[str]:
    """The folders of an indented tree, with their parents."""
    above: list[str] = []
    found = set()
    for line in page.split("```\n"):
        if not line.startswith("cluster/"):
            continue
        for row in line.splitlines():
            depth, name = (len(row) - len(row.lstrip(" "))) // 2, row.split()[0]
            above[depth:] = [name.rstrip("/")]
            found.add("/".join(above))
    return found


def test_the_guide_draws_every_folder_of_the_source_and_no_other() -> None:
    drawn = drawn_folders((ROOT / "CONTRIBUTING.md").read_text())
    assert {path for path in drawn if not (ROOT / path).exists()} == set()
    assert packages() - drawn == set()


@pytest.mark.parametrize(
    "page",
    [
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/glossary.md",
        "docs/guarantees.md",
        "docs/python.md",
    ],
)
def test_every_file_that_a_document_names_exists(page: str) -> None:
    named = re.findall(
        r"`((?:cluster|actors|api|reelyard|tests|examples|docs)/[^`<*]*)`",
        (ROOT / page).read_text(),
    )
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_ways_of_a_job_are_short_and_lead_through_files_that_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    section = page.split("## The way of one job")[1].split("\n## ")[0]
    steps = re.findall(r"^(\d+)\. `(.+?)`:", section, re.MULTILINE)
    second = [number for number, _ in steps].index("1", 1)
    assert [path for _, path in steps if not (ROOT / path).is_file()] == []
    assert len(steps[:second]) <= 12
    assert len(steps[second:]) <= 20


def test_every_word_of_the_glossary_is_used_in_the_code() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\*", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    assert words == sorted(set(words), key=words.index)
    source = " ".join(
        path.read_text().lower() for name in packages() for path in (ROOT / name).glob("*.py")
    )
    assert [
        word for word in words if not re.search(rf"\b{word.replace(' ', '[ _]')}s?\b", source)
    ] == []


def test_the_cluster_file_fits_rays_own_schema() -> None:
    schema = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    cluster = yaml.safe_load((ROOT / "ray-cluster.yaml").read_text())
    jsonschema.validate(cluster, schema)
    kinds = cluster["available_node_types"]
    assert cluster["head_node_type"] in kinds
    assert kinds["gpu_worker"]["resources"]["GPU"] >= 1
    assert all(kind["labels"]["reelyard-pool"] for kind in kinds.values())
