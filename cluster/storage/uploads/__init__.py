"""Uploads that come in pieces, from a client that may lose its connection at any time."""

from reelyard.cluster.storage.uploads.contents import UploadContent, read_upload
from reelyard.cluster.storage.uploads.records import UploadInfo, created_ms
from reelyard.cluster.storage.uploads.service import Uploads

__all__ = ["UploadContent", "UploadInfo", "Uploads", "created_ms", "read_upload"]
