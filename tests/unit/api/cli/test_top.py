"""The live view of a cluster."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from reelyard.actors.jobs.model import State
from reelyard.api.cli import top
from reelyard.api.client.views import JobView


def seen(jobs: int) -> list[str]:
    """The lines of the view on a terminal of 80 columns, `jobs` of them running."""
    screen = Console(width=80, highlight=False)
    pools = [
        {
            "name": name,
            "paused": name == "gpu",
            "workers": ["one"],
            "running": 1,
            "queued": 123456,
            "oldest_queued_s": 40000.0,
            "backlog_s": 90000.0,
        }
        for name in ("light", "cpu", "gpu")
    ]
    overview: dict[str, Any] = {
        "jobs": {state.value: 12345 for state in State},
        "uptime_s": 1e6,
        "finished_per_s": 12.3,
        "lease_expiries": 3,
        "health": {
            "status": "degraded",
            "parts": {
                "store": {"ok": True, "reason": None},
                "workers": {"ok": False, "reason": "no worker is there"},
            },
        },
        "pools": pools,
    }
    running = JobView(
        "i" * 36,
        "transcode",
        State.RUNNING,
        "a film with a long name " * 5,
        progress=42.0,
        phase="package",
        speed=12.34,
        eta_s=4000.0,
    )
    with screen.capture() as capture:
        screen.print(top.view(overview, [running] * jobs))
    return capture.get().splitlines()


def test_it_is_readable_on_a_terminal_of_80_by_24() -> None:
    lines = seen(30)
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if line.startswith("transcode"))
    for part in ("42%", "package", "12.3x", "1:06:40"):
        assert part in row
    assert "and 18 more" in lines[-1]
    assert "gpu (paused)" in "".join(lines)
    assert any(line.startswith("degraded  workers: no worker is there") for line in lines)


def test_it_says_so_where_nothing_runs() -> None:
    assert any("nothing runs" in line for line in seen(0))
