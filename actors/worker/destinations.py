"""Where outputs go: Reelyard's own store, another object store, a disk, a presigned URL."""

from __future__ import annotations

import asyncio
import os
import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from actors.jobs.messages import Lease
from actors.media.operation import MediaFile
from actors.worker.locations import open_location
from cluster.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    OutputUnwritable,
    StorageFull,
    UnsupportedOutput,
)
from cluster.fetch import redact, upload
from cluster.settings import Settings
from cluster.storage import Storage, output_key
from cluster.storage.disk import is_full, sync_file, sync_folder
