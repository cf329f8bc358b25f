"""Objects by URL: on a local disk, in memory, in S3, Google Cloud Storage or Azure."""

from reelyard.cluster.settings import Settings
from reelyard.cluster.storage.checksums import Checksum
from reelyard.cluster.storage.filenames import (
    content_disposition,
    fitted_name,
    part_name,
    safe_name,
)
from reelyard.cluster.storage.opening import open_url
from reelyard.cluster.storage.protocol import CHUNK_BYTES, ObjectInfo, Storage
from reelyard.cluster.storage.uploads import UploadInfo, Uploads

__all__ = [
    "CHUNK_BYTES",
    "Checksum",
    "ObjectInfo",
    "Storage",
    "UploadInfo",
    "Uploads",
    "content_disposition",
    "fitted_name",
    "open_storage",
    "open_url",
    "part_name",
    "safe_name",
]


def open_storage(settings: Settings) -> Storage:
    """Reelyard's own store, as the settings name it. Raises `BadRequest`."""
    return open_url(settings.storage, settings.storage_options)
