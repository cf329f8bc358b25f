"""Operation `probe`: what a file holds."""

from __future__ import annotations

from pydantic import Field

from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.codec.timing.ending import survey
from reelyard.actors.media.codec.verify import facts_of
from reelyard.actors.media.operation import Params, Result, Work
from reelyard.actors.media.truncation.policy import truncation_data


class ProbeParams(Params):
    """Tell what a file holds: container, streams, codecs, HDR, rotation, lengths, tags."""

    count_frames: bool = Field(
        False, description="read the whole file to count the frames of each stream exactly"
    )
    decode: bool = Field(
        True, description="decode a first frame of video and of audio, to see that it can be done"
    )


@operation("probe", params=ProbeParams, lane="light", kind="data")
def probe(work: Work[ProbeParams]) -> Result:
    """The facts as data; no file."""
    source = work.input
    work.progress("decode", fraction=0.0)
    info = probe_media(
        source,
        work.limits,
        count=work.params.count_frames,
        check=work.params.decode,
        tick=work.progress,
    )
    data = facts_of(info) | {"name": source.name} | info.as_dict()
    if info.truncated:
        ending = survey(source, work.limits, tick=work.progress)
        # An index alone that is missing at the end takes nothing away.
        data |= {"truncated": not ending.whole} | truncation_data([ending])
    work.progress(fraction=1.0)
    return Result(data=data)
