"""Inputs to local files before a task, outputs to their destination after it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec

from actors.jobs.messages import Lease
from actors.jobs.model import OutputFile
from actors.media.operation import MediaFile, Result, Source
from actors.worker.destinations import (
    Destination,
    FileDestination,
    StoreDestination,
    UrlDestination,
)
