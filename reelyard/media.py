"""Reading and checking media, for operations of your own: what the built-in ones stand on.

`open_video` and `open_input` open an input within the limits of a worker; `UprightScaler` makes its
frames upright, small and SDR; `verify_output` reads a finished file back and gives its facts;
`media_errors` turns what PyAV raises into errors that name the file.
"""

from reelyard.actors.media.codec.decode import best_audio, best_video
from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.codec.verify import Expect, verify_output
from reelyard.actors.media.sampling.scaler import UprightScaler, scaled_size
from reelyard.actors.media.sampling.video import OpenVideo, open_video

__all__ = [
    "Expect",
    "OpenVideo",
    "UprightScaler",
    "best_audio",
    "best_video",
    "media_errors",
    "open_input",
    "open_video",
    "scaled_size",
    "verify_output",
]
