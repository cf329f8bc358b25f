"""The only HTTP client that follows URLs that a user gave.

A name is resolved once, every address that it has must be global, and the checked address is the
one dialled, so that no second look-up can point elsewhere; Host header and TLS keep the name.
Each redirect goes the same way.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.message import Message
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, override
from urllib.parse import unquote, urlsplit

import httpcore2
import httpx2
import stamina

from cluster.dial import PinnedTransport, Resolver, resolve
from cluster.errors import (
    EmptySource,
    LimitExceeded,
    OutputUnwritable,
    ReelyardError,
    SourceForbidden,
    SourceNotFound,
    SourceUnreadable,
    StorageFull,
    TimedOut,
)
