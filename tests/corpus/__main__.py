"""`python -m tests.corpus [FOLDER] [--only TEXT]`: run, print, write the JSON.

Exit code 0: at least 99 % of the valid files and all broken ones ended as the manifest says.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from reelyard import connect
from reelyard.cluster.settings import Settings
from tests.corpus import report
from tests.corpus.manifest import MANIFEST, read_manifest
from tests.corpus.running import run_all, sink
from tests.paths import CORPUS, ROOT

RESULTS = ROOT / "build" / "corpus.json"


def main() -> int:
    """The exit code: 1 where too much deviates, 2 where there is no such folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus")
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--only", default="", help="only files with this text in their path")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the results go")
    parser.add_argument("--limit-s", type=float, default=3600, help="time for all of it")
    options = parser.parse_args()
    console = Console()
    folder: Path = options.folder.resolve()
    if not (folder / MANIFEST).is_file():
        console.print(
            f"no media at {folder}: a folder with a {MANIFEST} is needed, named by CORPUS=FOLDER",
            soft_wrap=True,
        )
        return 2
    told = [entry for entry in read_manifest(folder) if options.only in entry.path]
    entries = [entry for entry in told if entry.is_in(folder)]
    console.print(f"{len(entries)} files of {folder}")
    for entry in told:
        if entry not in entries:
            console.print(f"[red]not judged: {entry.path} is not the file of the manifest[/red]")
    with (
        tempfile.TemporaryDirectory(prefix="reelyard-corpus-") as data,
        sink() as heard,
        connect(settings=Settings(data_dir=Path(data))) as client,
        console.status("starting") as status,
    ):
        ended = run_all(
            client,
            folder,
            entries,
            limit_s=options.limit_s,
            tell=lambda done, of: status.update(f"{done} of {of} jobs"),
        )
    rows = report.rows_of(ended)
    _print(console, rows)
    if heard.connections:
        console.print(f"[red]{heard.connections} connections were made by hostile files[/red]")
    elif not heard.watched:
        console.print("nobody watched for connections of hostile files: the port was taken")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    found = report.as_json(rows) | {"connections": heard.connections}
    options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    console.print(f"written: {options.json}")
    return 0 if report.met(rows) and not heard.connections else 1


def _print(console: Console, rows: list[report.Row]) -> None:
    console.print(report.table(rows))
    deviating = [row for row in rows if row.deviation]
    console.print(f"{len(deviating)} of {len(rows)} jobs deviate")
    for row in deviating:
        line = f"- {row.entry.path}, {row.call.name}: {row.deviation}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if excused := report.excused(rows):
        console.print("where the manifest is not believed:")
    for path, reason in excused.items():
        console.print(f"- {path}: {reason}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
