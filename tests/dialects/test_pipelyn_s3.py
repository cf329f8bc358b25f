"""Pipelyn's download URL where the objects lie in S3: the store itself serves it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from reelyard.cluster.settings import Settings
from tests.dialect_harness import open_dialects
from tests.object_stores import BUCKET


async def test_the_download_url_is_presigned_for_an_hour_and_needs_no_key(
    tmp_path: Path, s3_server: dict[str, str]
) -> None:
    settings = Settings(
        data_dir=tmp_path, storage_url=f"s3://{BUCKET}/pipelyn", storage_options=s3_server
    )
    async with open_dialects(settings) as dialects:
        job_id = await dialects.submit(preset="web")
        await dialects.work()
        job = (await dialects.http.get(f"/api/media/jobs/{job_id}")).json()
        assert job["status"] == "done"
        assert job["downloadUrl"].startswith(s3_server["endpoint"])
        assert parse_qs(urlsplit(job["downloadUrl"]).query)["X-Amz-Expires"] == ["3600"]
        presigned = requests.get(job["downloadUrl"], timeout=30)
        assert (presigned.status_code, presigned.content) == (200, b"made")
        streamed = await dialects.http.get(f"/api/media/jobs/{job_id}/download")
        assert (streamed.status_code, streamed.content) == (200, b"made")
        assert streamed.headers["cache-control"] == "no-store"
