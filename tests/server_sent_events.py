"""Server-sent events, line by line."""

from __future__ import annotations

import json
from typing import Any

Event = dict[str, Any]


class EventReader:
    """Puts lines together to events: their fields by name, `data` as the JSON that it is."""

    def __init__(self) -> None:
        self._event: Event = {}

    def feed(self, line: str) -> Event | None:
        """The event that `line` ends, if it ends one."""
        name, _, value = line.partition(": ")
        if not line and self._event:
            ended, self._event = self._event, {}
            return ended
        if name:
            self._event[name] = json.loads(value) if name == "data" else value
        return None
