"""The types of the fixtures that the documents' tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

type Json = dict[str, Any]
type Headers = dict[str, str]
type Poll = Callable[[Callable[[], Json], set[str]], Json]
"""Asks again until `status` is one of the words; the last answer."""
type RunNode = Callable[..., Json]
"""Runs a script of `js/`; the JSON that it prints."""
type RunCurl = Callable[..., tuple[int, str]]
"""Calls curl; status and body."""
