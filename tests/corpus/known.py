"""Files of which the manifest says what is no longer so, each with the reason."""

from __future__ import annotations

DECODES_ALTHOUGH_FAULTY = {
    "broken/01 - wrong max blocksize.flac": "FFmpeg and flac decode all of it: only the declared "
    "largest block is wrong",
    "broken/sample_missing_stsd.mp4": "the video decodes whole; only the sound has no description",
}
"""They are to fail because no decoder takes them, and one does."""

DIFFERENCES = {
    # The facts were taken with another FFmpeg, by the header or the bit rate: guesses.
    "audio/sample.adts": "duration counted, not guessed",
    "broken/attack/mp4_metadata_xss.mp4": "audio is longer than the video",
    "broken/attack/mp4_trailing_html.mp4": "audio is longer than the video",
    "audio/sample_wb.amr": "duration counted, not guessed",
    "video/bt601.mov": "audio is longer than the video",
    "video/sample_rotate_and_reflect.mp4": "audio is longer; mirror and turn told apart",
    "video/sample_fragmented.mp4": "the header claims 143,165 s",
    "audio/sample_iamf.mp4": "decodes now",
    "image/hopper.Lab.tif": "the size is known now",
    "image/hopper_bigtiff.tif": "the size is known now",
    "image/sofa_grid1x5_420.avif": "the whole grid, not a tile",
    "image/sample_still_photo.heic": "opens now",
    "image/colors-animated-8bpc-alpha-exif-xmp.avif": "two more streams seen",
    "image/spinning-globe-unknown-loop-count.avif": "two streams seen",
    "image/hopper.ico": "the icon, not its inner bitmap",
    "image/rgb32rle.tga": "opened by its content, not by its suffix",
}
"""A probe tells more, or more exactly, than the manifest does."""

LENGTHS = {
    "audio/01 - changing samplerate.flac": "its packets count samples, whatever rate they have",
    "audio/sample_latm.ts": "FFmpeg's guess of its length leaves out the last packet",
}
"""What is made of them is longer than a probe tells, and right."""
