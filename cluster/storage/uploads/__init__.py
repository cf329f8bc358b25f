"""Uploads that come in pieces, from a client that may lose its connection at any time."""

from cluster.storage.uploads.contents import UploadContent, read_upload
from cluster.storage.uploads.records import UploadInfo, created_ms
from cluster.storage.uploads.service import Uploads

__all__ = ["UploadContent", "UploadInfo", "Uploads", "created_ms", "read_upload"]
