"""The kinds of recordings that get a clean-up of their own."""

from __future__ import annotations

from typing import Literal

Content = Literal[
    "conference",
    "interview",
    "lecture",
    "meeting",
    "mobile_phone",
    "music",
    "podcast",
    "studio",
    "voice_over",
    "voice_recording",
    "other",
]
