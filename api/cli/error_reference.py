"""The page of all error codes, made from the classes that carry them; `docs/errors.md` is this
text."""

from __future__ import annotations

from collections.abc import Iterable

from reelyard.api.cli.output import Exit, exit_code
from reelyard.cluster.errors import MediaError, ReelyardError, error_classes

INTRODUCTION = """\
# Errors

This page is made from `cluster/errors.py` by `python -m reelyard.api.cli.error_reference`.

Every error has one form, over HTTP below `/v1`, in `--json` of the command, in Python and in the
`error` of a job:

| field | meaning |
|---|---|
| `code` | stable; those below |
| `message` | for the person who asked |
| `retryable` | whether the same request may succeed later |
| `details` | `field`, `value`, `allowed`, `suggestion` of the first fault; all faults in `errors` |

Over HTTP there is `detail` as well, in VideoConduit's form; the paths of the other APIs answer in
theirs. In Python each code is a class of `reelyard.errors`. The exit code is that of the
`reelyard` command."""
REQUESTS = "Why a request is refused, over HTTP with this status:"
MEDIA = (
    "Why a job fails. A job that ends so is `failed` and `error.code` says why; the status is that "
    "of a call that waits for its job (`GET /v1/info`):"
)


def reference() -> str:
    """The page, as Markdown."""
    classes = sorted(error_classes(), key=lambda cls: (cls.http_status, cls.code))
    requests = [cls for cls in classes if not issubclass(cls, MediaError)]
    media = [cls for cls in classes if issubclass(cls, MediaError)]
    parts = [
        INTRODUCTION,
        "## Of requests",
        REQUESTS,
        _table(requests),
        "## Of jobs",
        MEDIA,
        _table(media),
    ]
    return "\n\n".join(parts) + "\n"


def _table(classes: Iterable[type[ReelyardError]]) -> str:
    rows = ["| code | status | retry | exit code | meaning |", "|---|---|---|---|---|"]
    for cls in classes:
        retry = "yes" if cls.retryable else ""
        meaning = (cls.__doc__ or "").strip().splitlines()[0].rstrip(".").replace("|", "\\|")
        code = int(exit_code(cls())) if cls.code != "cancelled" else int(Exit.CANCELLED)
        rows.append(f"| `{cls.code}` | {cls.http_status} | {retry} | {code} | {meaning} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(reference(), end="")
