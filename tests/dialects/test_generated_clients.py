"""Clients made from the OpenAPI document by published generators work, and none of those warns."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests import node_tools
from tests.live_server import LiveServer


@pytest.fixture(scope="module")
def document(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The running server's OpenAPI document."""
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    with urllib.request.urlopen(f"{server.url}/openapi.json") as answer:
        path.write_bytes(answer.read())
    return path


@pytest.fixture
def key(server: LiveServer) -> str:
    """The key of a tenant that has no jobs yet."""
    made: str = server.create_key("generated", "generated")["key"]
    return made


@pytest.fixture
def python_client(document: Path, tmp_path: Path) -> Iterator[ModuleType]:
    """The package that openapi-python-client makes, imported."""
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        [
            str(bin_folder / "openapi-python-client"),
            "generate",
            f"--path={document}",
            f"--output-path={tmp_path / 'made'}",
            "--fail-on-warning",
        ],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": str(bin_folder)},
        timeout=100,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "arning" not in done.stdout + done.stderr
    sys.path.insert(0, str(tmp_path / "made"))
    try:
        yield importlib.import_module("reelyard_client")
    finally:
        sys.path.pop(0)
        for name in [name for name in sys.modules if name.startswith("reelyard_client")]:
            del sys.modules[name]


def part(name: str) -> Any:
    return importlib.import_module(f"reelyard_client.{name}")


def test_a_client_made_by_openapi_python_client_submits_polls_and_pages(
    python_client: ModuleType, server: LiveServer, key: str, media_url: str
) -> None:
    with python_client.AuthenticatedClient(server.url, key, timeout=60) as client:
        models = part("models")
        url = f"{media_url}/clip.mp4"
        probe = models.ProbeJob(operation="probe", url=url)
        kind = models.PreviewParamsPreviewType.THUMBNAIL
        params = models.PreviewParams(preview_type=kind, width=64)
        preview = models.PreviewJob(operation="preview", url=url, params=params)
        create, get = part("api.jobs.create_job"), part("api.jobs.get_job")
        sent = [create.sync(client=client, body=body).job_id for body in (probe, preview)]
        jobs: list[Any] = []
        while len(jobs) < len(sent):
            job = get.sync(sent[len(jobs)], client=client, wait=20)
            if job.state == "succeeded":
                jobs.append(job)
            else:
                assert job.state in ("queued", "running")
        assert jobs[0].result_data["duration_s"] == pytest.approx(2, abs=0.1)
        assert [output.content_type for output in jobs[1].outputs] == ["image/jpeg"]
        listed: list[str] = []
        cursor = part("types").UNSET
        while cursor is not None:
            page = part("api.jobs.list_jobs").sync(client=client, limit=1, cursor=cursor)
            listed += [item.job_id for item in page.items]
            cursor = page.next_cursor
        assert listed[:2] == sent[::-1]
        wrong = create.sync(
            client=client, body=models.TranscodeJob(operation="transcode", url="x:y")
        )
        assert isinstance(wrong, models.Error)
        assert wrong.code == "invalid_input"


def test_a_client_typed_by_openapi_typescript_submits_polls_and_pages(
    document: Path, server: LiveServer, key: str, media_url: str, tmp_path: Path
) -> None:
    node_tools.install_packages()
    for name in ("generated_client.ts", "tsconfig.json", "package.json"):
        shutil.copy(node_tools.FOLDER / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(node_tools.MODULES)
    told = node_tools.run_package(
        "openapi-typescript", str(document), "-o", "schema.ts", cwd=tmp_path
    )
    assert "arning" not in told
    node_tools.run_package("tsc", cwd=tmp_path)
    told = node_tools.run_node(
        "generated_client.js", server.url, key, f"{media_url}/clip.mp4", cwd=tmp_path
    )
    found = json.loads(told)
    assert found["states"] == ["succeeded", "succeeded"]
    assert [len(names) for names in found["outputs"]] == [1, 0]
    assert found["listed"][:2] == found["sent"][::-1]
    assert found["refused"] == "height"
