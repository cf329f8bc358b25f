"""The documents say what the code does."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import ray
import yaml

from api.cli.config import reference
from tests.paths import ROOT


def test_the_configuration_reference_is_the_one_that_the_settings_give() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference()


def test_every_document_that_a_document_links_to_exists() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for part in page.read_text().split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_cluster_file_fits_rays_own_schema() -> None:
    schema = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    cluster = yaml.safe_load((ROOT / "ray-cluster.yaml").read_text())
    jsonschema.validate(cluster, schema)
    kinds = cluster["available_node_types"]
    assert cluster["head_node_type"] in kinds
    assert kinds["gpu_worker"]["resources"]["GPU"] >= 1
    assert all(kind["labels"]["reelyard-pool"] for kind in kinds.values())
