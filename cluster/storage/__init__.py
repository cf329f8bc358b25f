"""Objects by URL: on a local disk, in memory, in S3, Google Cloud Storage or Azure."""

from cluster.settings import Settings
from cluster.storage.base import CHUNK_BYTES, ObjectInfo, Storage
from cluster.storage.key_rules import (
    attempt_folder,
    check_key,
    content_disposition,
    dlb_key,
    dlb_prefix,
    job_prefix,
    output_key,
    safe_name,
    upload_location,
    upload_prefix,
    uploads_prefix,
)
from cluster.storage.opening import open_url
from cluster.storage.sweep import sweep_storage, sweep_unfinished
from cluster.storage.uploads import UploadInfo, Uploads, contiguous

__all__ = [
    "CHUNK_BYTES",
    "ObjectInfo",
    "Storage",
    "UploadInfo",
    "Uploads",
    "attempt_folder",
    "check_key",
    "content_disposition",
    "contiguous",
    "dlb_key",
    "dlb_prefix",
    "job_prefix",
    "open_storage",
    "open_url",
    "output_key",
    "safe_name",
    "sweep_storage",
    "sweep_unfinished",
    "upload_location",
    "upload_prefix",
    "uploads_prefix",
]


def open_storage(settings: Settings) -> Storage:
    """Reelyard's own store, as the settings name it. Raises `BadRequest`."""
    return open_url(settings.storage, settings.storage_options)
