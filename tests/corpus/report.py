"""What came out of a run: figures by kind, deviations, and the JSON of all of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from tests.corpus.calls import PROBE, Call
from tests.corpus.known import DECODES_ALTHOUGH_FAULTY, DIFFERENCES, LENGTHS
from tests.corpus.manifest import Entry
from tests.corpus.verdicts import Ended, deviation

LEAST_VALID, LEAST_BROKEN = 0.99, 1.0
"""Share of the files that are to end as the manifest says."""


@dataclass(frozen=True)
class Row:
    """A call on a file, how it ended, and what is wrong with that."""

    entry: Entry
    call: Call
    ended: Ended
    deviation: str | None


def rows_of(ended: Mapping[tuple[Entry, Call], Ended]) -> list[Row]:
    """The verdict on each job."""
    probes = {
        entry.path: found.data
        for (entry, call), found in ended.items()
        if call is PROBE and found.ok
    }
    return [
        Row(entry, call, found, deviation(entry, call, found, probes.get(entry.path)))
        for (entry, call), found in ended.items()
    ]


@dataclass(frozen=True)
class Share:
    """How many of some files or jobs ended as they should."""

    good: int
    of: int

    @property
    def value(self) -> float:
        """1 where there are none."""
        return self.good / self.of if self.of else 1.0


def files(rows: list[Row], *, valid: bool) -> Share:
    """Files of which every job ended as it should."""
    seen = {row.entry.path for row in rows if row.entry.valid is valid}
    bad = {row.entry.path for row in rows if row.entry.valid is valid and row.deviation}
    return Share(len(seen) - len(bad), len(seen))


def jobs(rows: list[Row], call: Call, *, valid: bool) -> Share:
    """Jobs of one call that ended as they should."""
    some = [row for row in rows if row.call is call and row.entry.valid is valid]
    return Share(sum(not row.deviation for row in some), len(some))


def met(rows: list[Row]) -> bool:
    """Whether the run is as good as it is to be."""
    return (
        files(rows, valid=True).value >= LEAST_VALID
        and files(rows, valid=False).value >= LEAST_BROKEN
    )


def table(rows: list[Row]) -> Table:
    """A line for each call, and one for the files."""
    shown = Table(title="as the manifest says", title_justify="left")
    for number, column in enumerate(("", "valid", "%", "broken", "%")):
        shown.add_column(column, justify="right" if number else "left")
    for call in dict.fromkeys(row.call for row in rows):
        shares = (jobs(rows, call, valid=True), jobs(rows, call, valid=False))
        shown.add_row(call.name, *_cells(*shares))
    shown.add_section()
    shown.add_row("files", *_cells(files(rows, valid=True), files(rows, valid=False)))
    return shown


def _cells(*shares: Share) -> list[str]:
    return [
        text
        for share in shares
        for text in (f"{share.good} of {share.of}", f"{share.value * 100:.1f}")
    ]


def excused(rows: list[Row]) -> dict[str, str]:
    """Files of the run of which the manifest is not believed, with the reason."""
    known = DIFFERENCES | LENGTHS | DECODES_ALTHOUGH_FAULTY
    return {path: known[path] for path in sorted({row.entry.path for row in rows} & known.keys())}


def as_json(rows: list[Row]) -> dict[str, Any]:
    """All of it."""
    return {
        "valid_files": vars(files(rows, valid=True)),
        "broken_files": vars(files(rows, valid=False)),
        "met": met(rows),
        "excused": excused(rows),
        "jobs": [
            {
                "path": row.entry.path,
                "outcome": row.entry.outcome,
                "call": row.call.name,
                "state": row.ended.state,
                "code": row.ended.code,
                "message": row.ended.message,
                "seconds": round(row.ended.seconds, 3),
                "deviation": row.deviation,
            }
            for row in rows
        ],
    }
