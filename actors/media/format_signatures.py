"""The signatures of formats: the first bytes of files, and what reads them. Pure tables.

A format is taken where FFmpeg (as PyAV 19 brings it) or Pillow has a reader and a decoder for it
and its files name no others; what is only known is refused by its name. Formats without a
signature of their own (raw samples, G.722, H.261 …) are known by their suffix, and refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Signature:
    """`parts`: (offset, bytes) that must all be there."""

    parts: tuple[tuple[int, bytes], ...]
    demuxer: str
    """FFmpeg's name of the reader; empty: Pillow alone reads it."""
    format: str

    def fits(self, head: bytes) -> bool:
        """Whether a file with these first bytes is of the format."""
        for offset, magic in self.parts:  # noqa: SIM110  a generator costs twice as much
            if not head.startswith(magic, offset):
                return False
        return True


def _rows(*rows: tuple[bytes | tuple[tuple[int, bytes], ...], str, str]) -> tuple[Signature, ...]:
    return tuple(
        Signature(((0, where),) if isinstance(where, bytes) else where, demuxer, short)
        for where, demuxer, short in rows
    )


def _same(demuxer: str, short: str, *magics: bytes, at: int = 0) -> tuple[Signature, ...]:
    return tuple(Signature(((at, magic),), demuxer, short) for magic in magics)


MEDIA: Final = (
    *_rows(
        (b"\x1a\x45\xdf\xa3", "matroska", "mkv"),
        (b"OggS", "ogg", "ogg"),
        (b"fLaC", "flac", "flac"),
        (b"FLV\x01", "flv", "flv"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", "asf"),
        (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "mxf", "mxf"),
        (b"\x00\x00\x01\xba", "mpeg", "mpeg"),
        (b"\x00\x00\x01\xb3", "mpegvideo", "mpegvideo"),
        (b"caff", "caf", "caf"),
        (b".snd", "au", "au"),
        (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "w64", "w64"),
        (b"YUV4MPEG2", "yuv4mpegpipe", "y4m"),
        (b"DKIF", "ivf", "ivf"),
        # MPEG-4: a visual object and its layer. An icon would have no images.
        (b"\0\0\1\0\0\0\1\x20", "m4v", "m4v"),
        (b"nut/multimedia container\0", "nut", "nut"),
        (b"\x00\x00\x00\x00\x01\xbc", "gxf", "gxf"),
        (b"\x12\x00\x0a", "obu", "av1"),
        (b"\x00\x00\x01\x0f", "vc1", "vc1"),
        (b"BBCD\x00", "dirac", "dirac"),
        (b"\x00\x00\x02\x80", "dnxhd", "dnxhd"),
        (((4, b"aPv1"),), "apv", "apv"),
        (((3, b"\xc5\x04\x00\x00\x00"),), "vc1test", "vc1"),
        (b"\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07\xe9\x5e\xad\x8d", "wtv", "wtv"),
        (b"\x00\x0aSMJPEG", "smjpeg", "smjpeg"),
        (b"\xf5\x46\x7a\xbd", "ty", "ty"),
        (b"LEITCH\0\0", "lxf", "lxf"),
        (b"LUCAM-RECORDER", "ser", "ser"),
        (b"CI\x2c\x00", "cine", "cine"),
        (b"DHAV", "dhav", "dhav"),
    ),
    # Digital video: the header block of a sequence (SMPTE 314M, section 4.3).
    *_same("dv", "dv", b"\x1f\x07\x00\x3f", b"\x1f\x07\x00\xbf"),
    *_same("rm", "rm", b".RMF", b".ra\xfd"),
    *_same("ivr", "ivr", b".R1M", b".REC"),
    *_same("nsv", "nsv", b"NSVf", b"NSVs"),
    *_same("nuv", "nuv", b"NuppelVideo\0", b"MythTVVideo\0"),
    *_same("r3d", "r3d", b"RED1", b"RED2", at=4),
)
"""Video and containers."""

AUDIO: Final = (
    *_rows(
        (b"#!AMR", "amr", "amr"),
        (b"#!iLBC", "ilbc", "ilbc"),
        (b"wvpk", "wv", "wv"),
        (b"MAC ", "ape", "ape"),
        (b"TTA1", "tta", "tta"),
        (b"tBaK", "tak", "tak"),
        (b"MPCK", "mpc8", "mpc"),
        (b"MP+", "mpc", "mpc"),
        (b"ajkg", "shn", "shn"),
        (b"RKA7", "rka", "rka"),
        (b"OSQ ", "osq", "osq"),
        (b"APAC", "apac", "apac"),
        (b"\0BONK", "bonk", "bonk"),
        (b"qoaf", "qoa", "qoa"),
        (b"TWIN97012000", "vqf", "vqf"),
        (b"\x0b\x77", "ac3", "ac3"),
        (b"DTSHDHDR", "dtshd", "dtshd"),
        (((4, b"\xf8\x72\x6f\xba"),), "truehd", "truehd"),
        (((4, b"\xf8\x72\x6f\xbb"),), "mlp", "mlp"),
        (b"\xf8\x06iamf", "iamf", "iamf"),
        (b"Creative Voice File\x1a", "voc", "voc"),
        (b"NIST_1A", "nistsphere", "nist"),
        (b"DSD ", "dsf", "dsf"),
        (((0, b"FRM8"), (12, b"DSD ")), "iff", "dff"),
        (b"2BIT", "avr", "avr"),
        (b"PVF1\n", "pvf", "pvf"),
        (b"ALawSoundFile**\0", "wve", "wve"),
        (((65, b"FSSD"), (128, b"HCOM")), "hcom", "hcom"),
        (((0, b"MMMD"), (8, b"CNTI")), "mmf", "mmf"),
        (b"HCA\0", "hca", "hca"),
        (((0, b"STRM"), (64, b"BLCK")), "ast", "ast"),
        (b"\x97\x28\x03\x01", "acm", "acm"),
        (b"CRYO_APC", "apc", "apc"),
        (b"GENH", "genh", "genh"),
        (b"IMA_ADPCM_Sound", "iss", "iss"),
        (b"KVAG", "kvag", "kvag"),
    ),
    *_same("dts", "dts", b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80"),
    *_same("dts", "dts", b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8", b"\x64\x58\x20\x25"),
    *_same("oma", "oma", b"ea3\x03", b"EA3\x01"),
    # Sony's ATRAC1: channels in a second place.
    *_rows(*((((0, b"\0\x08\0\0"), (264, bytes([n]))), "aea", "aea") for n in (1, 2))),
    *_same("sox", "sox", b".SoX", b"XoS."),
    *_same("ircam", "ircam", *(bytes((0x64, 0xA3, n, 0)) for n in range(1, 5))),
    *_same("ircam", "ircam", *(bytes((0, n, 0xA3, 0x64)) for n in range(1, 5))),
    *_same("epaf", "epaf", b" paf", b"fap "),
    *_same("dss", "dss", b"\x02dss", b"\x03dss"),
    *_same("vag", "vag", b"VAGp", b"pGAV"),
    *_same("xa", "xa", b"XAI\0", b"XAJ\0"),
    *_same("brstm", "brstm", b"RSTM\xfe\xff\x01"),
    *_same("bfstm", "bfstm", b"FSTM", b"CSTM"),
)

GAMES: Final = (
    *_rows(
        (((0, b"FILM"), (16, b"FDSC")), "film_cpk", "cpk"),
        (b"\x84\x10\xff\xff\xff\xff", "roq", "roq"),
        (b"THP\0", "thp", "thp"),
        (b"BF&I", "bfi", "bfi"),
        (b"ARMovie\n", "rpl", "rpl"),
        (b"Interplay MVE File\x1a\0", "ipmovie", "mve"),
        (b"HNM4", "hnm", "hnm"),
        (b"DEXA", "dxa", "dxa"),
        (b"DFIA", "dfa", "dfa"),
        (((0, b"ANIM"), (8, b"AHDR")), "smush", "smush"),
        (((0, b"SANM"), (8, b"SHDR")), "smush", "smush"),
        (((0, b"SIFF"), (8, b"VBV1")), "siff", "siff"),
        (((0, b"LPF "), (16, b"ANIM")), "anm", "anm"),
        (b"\0" + b"\xff" * 10 + b"\0", "psxstr", "str"),
        (((12, b"xobX"),), "xmv", "xmv"),
        (b"Packed Animation File V1.0", "paf", "paf"),
        (b"TMAV", "tmv", "tmv"),
        (b"\x94\x19\x11\x29", "gdv", "gdv"),
    ),
    *_same("swf", "swf", b"FWS", b"CWS"),
    *_same("smk", "smk", b"SMK2", b"SMK4"),
    *_same("bink", "bink", *(b"BIK" + bytes([n]) for n in b"bfghik")),
    *_same("bink", "bink", *(b"KB2" + bytes([n]) for n in b"adfghijk")),
    *_same("ea", "ea", b"SCHl", b"SEAD", b"SHEN", b"kVGT", b"MADk", b"MPCh", b"TGQs", b"pQGT"),
    *_same("ea", "ea", b"pIQT", b"MVhd", b"MVIh", b"AVP6"),
    *_rows(
        *(
            (((4, kind), (132, chunk)), "flic", "flic")
            for kind in (b"\x11\xaf", b"\x12\xaf", b"\x44\xaf")
            for chunk in (b"\xfa\xf1", b"\x00\xf1")
        )
    ),
)
"""Videos of games and of their time."""

IMAGES: Final = (
    *_same("gif", "gif", b"GIF87a", b"GIF89a"),
    *_same("tiff_pipe", "tiff", b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    *_same("j2k_pipe", "jpeg2000", b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51"),
    *_rows(
        (b"BM", "bmp_pipe", "bmp"),
        (b"8BPS\x00\x01", "psd_pipe", "psd"),
        (b"qoif", "qoi_pipe", "qoi"),
        (b"\x01\xda\x00", "sgi_pipe", "sgi"),
        (b"\x01\xda\x01", "sgi_pipe", "sgi"),
        (b"\x00\x00\x01\x00", "ico", "ico"),
        (b"\x59\xa6\x6a\x95", "sunrast_pipe", "sun"),
        (b"\x76\x2f\x31\x01", "exr_pipe", "exr"),
        (b"DDS ", "dds_pipe", "dds"),
        (b"icns", "", "icns"),
        (b"SIMPLE  =", "fits", "fits"),
        (b"/* XPM */", "xpm_pipe", "xpm"),
        (((4, b"\0\0\0\x07\0\0\0"),), "xwd_pipe", "xwd"),
        (((2048, b"PCD_IPI"),), "photocd_pipe", "photocd"),
    ),
    *_same("dpx_pipe", "dpx", b"SDPX", b"XPDS"),
    *_same("hdr_pipe", "hdr", b"#?RADIANCE", b"#?RGBE"),
    *_same("pgx_pipe", "pgx", b"PG ML", b"PG LM"),
    *_same("pfm_pipe", "pfm", b"PF\n", b"Pf\n"),
    *_same("phm_pipe", "phm", b"PH\n", b"Ph\n"),
    *_same("pam_pipe", "pam", b"P7\n"),
    *_same("pbm_pipe", "pnm", *(magic + end for magic in (b"P1", b"P4") for end in (b"\n", b" "))),
    *_same("pgm_pipe", "pnm", *(magic + end for magic in (b"P2", b"P5") for end in (b"\n", b" "))),
    *_same("ppm_pipe", "pnm", *(magic + end for magic in (b"P3", b"P6") for end in (b"\n", b" "))),
    # PC Paintbrush: version, run lengths, bits a sample.
    *_same(
        "pcx_pipe",
        "pcx",
        *(bytes((10, v, c, b)) for v in range(6) for c in (0, 1) for b in (1, 2, 4, 8)),
    ),
)
"""Still images, and animated ones."""

PILLOW: Final = {
    "avif": "AVIF",
    "bmp": "BMP",
    "dds": "DDS",
    "gif": "GIF",
    "icns": "ICNS",
    "ico": "ICO",
    "jpeg": "JPEG",
    "jpeg2000": "JPEG2000",
    "pcx": "PCX",
    "png": "PNG",
    "pnm": "PPM",
    "psd": "PSD",
    "qoi": "QOI",
    "tga": "TGA",
    "tiff": "TIFF",
    "webp": "WEBP",
}
"""The plugins of Pillow for the formats that it reads; EPS and WMF are left out on purpose: their
readers start other programs."""

RIFF: Final = {
    b"WAVE": ("wav", "wav"),
    b"AVI ": ("avi", "avi"),
    b"AVIX": ("avi", "avi"),
    b"AVI\x19": ("avi", "avi"),
    b"AMV ": ("avi", "amv"),
    b"QLCM": ("qcp", "qcp"),
    b"XWMA": ("xwma", "xwma"),
    b"4XMV": ("4xm", "4xm"),
    b"CDXA": ("mpeg", "mpeg"),
}
"""By the kind in a RIFF file's header: (demuxer, format)."""

IFF: Final = {
    b"AIFF": ("aiff", "aiff"),
    b"AIFC": ("aiff", "aiff"),
    b"8SVX": ("iff", "8svx"),
    b"16SV": ("iff", "8svx"),
    b"MAUD": ("iff", "maud"),
    b"ANIM": ("iff", "iff"),
    b"MOVE": ("wc3movie", "wc3"),
    b"WVQA": ("wsvqa", "vqa"),
    b"RLV2": ("rl2", "rl2"),
    b"RLV3": ("rl2", "rl2"),
}
"""By the kind in the header of an IFF (EA 85) file."""
IFF_IMAGES: Final = frozenset({b"ILBM", b"PBM ", b"ACBM", b"DEEP", b"RGB8", b"RGBN"})

REFUSED: Final = (
    *_rows(
        (b"MThd", "", "a MIDI file"),
        (b"#!AMR_MC", "", "AMR audio of several channels"),
        (b"TTA2", "", "TTA2 audio"),
        (b"OFR ", "", "OptimFROG audio"),
        (b"LA0", "", "Lossless Audio (LA)"),
        (b"ADIF", "", "AAC with an ADIF header"),
        (b"\xac\x40", "", "AC-4 audio"),
        (b"\xac\x41", "", "AC-4 audio"),
        (b"\x1c\xcc\x12\x00", "", "LC3 audio"),
        (b"\xc0\xde\xc2", "", "Codec 2 speech"),
        (((4, b"\x57\x90\x75\x36"),), "", "an Audible audiobook, which is encrypted"),
        (b"Extended Module: ", "", "a music module (XM)"),
        (b"IMPM", "", "a music module (IT)"),
        (((44, b"SCRM"),), "", "a music module (S3M)"),
        (((1080, b"M.K."),), "", "a music module (MOD)"),
        (b"NESM\x1a", "", "game music (NSF)"),
        (b"SNES-SPC700", "", "game music (SPC)"),
        (b"Vgm ", "", "game music (VGM)"),
        (b"PSID", "", "game music (SID)"),
        (b"RSID", "", "game music (SID)"),
        (b"ZWS", "", "a Flash movie compressed by LZMA"),
        (b"MLVI", "", "Magic Lantern raw video"),
        (b"\xff\x0a", "", "JPEG XL"),
        (b"\x00\x00\x00\x0cJXL ", "", "JPEG XL"),
        (b"\xff\x10\xff\x50", "", "JPEG XS"),
        (b"II\xbc\x01", "", "JPEG XR"),
        (b"8BPS\x00\x02", "", "a large Photoshop document (PSB)"),
        (b"gimp xcf", "", "a GIMP image (XCF)"),
        (b"\x8aMNG\r\n\x1a\n", "", "MNG"),
        (b"\x8bJNG\r\n\x1a\n", "", "JNG"),
        (b"FLIF", "", "FLIF"),
        (b"BPG\xfb", "", "BPG"),
        (b"\x80\x2a\x5f\xd7", "", "Cineon"),
        (b"\xd7\x5f\x2a\x80", "", "Cineon"),
        (b"\x00\x00\x02\x00\x01\x00", "", "a cursor"),
        (b"%!PS", "", "a PostScript document"),
        (b"\xc5\xd0\xd3\xc6", "", "a PostScript document"),
        (b"\xd7\xcd\xc6\x9a", "", "a Windows metafile"),
        (((0, b"\x01\0\0\0"), (40, b" EMF")), "", "a Windows metafile"),
        (((8, b"CR\x02\x00"),), "", "a camera's raw image (CR2)"),
        (b"FUJIFILMCCD-RAW", "", "a camera's raw image (RAF)"),
        (b"IIRO", "", "a camera's raw image (ORF)"),
        (b"IIRS", "", "a camera's raw image (ORF)"),
        (b"MMOR", "", "a camera's raw image (ORF)"),
        (b"IIU\x00", "", "a camera's raw image (RW2)"),
        (b"FOVb", "", "a camera's raw image (X3F)"),
        (b"\x00MRM", "", "a camera's raw image (MRW)"),
        (b"PK\x03\x04", "", "a ZIP archive"),
        (b"\x1f\x8b", "", "a gzip archive"),
        (b"7z\xbc\xaf", "", "a 7z archive"),
        (b"Rar!\x1a\x07", "", "a RAR archive"),
        (b"BZh", "", "a bzip2 archive"),
        (b"\xfd7zXZ\0", "", "an xz archive"),
        (b"\x28\xb5\x2f\xfd", "", "a Zstandard archive"),
        (((257, b"ustar"),), "", "a tar archive"),
        (b"%PDF", "", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "", "an Office document"),
        (b"SQLite format 3\0", "", "a database"),
        (b"\x00\x01\x00\x00\x00", "", "a font"),
        (b"OTTO", "", "a font"),
        (b"wOFF", "", "a font"),
        (b"wOF2", "", "a font"),
        (b"\x7fELF", "", "a program"),
        (b"MZ", "", "a program"),
    ),
)
"""What is known and not taken; `format` is what to call it."""

REFUSED_BRANDS: Final = {
    b"aax ": "an Audible audiobook, which is encrypted",
    b"aaxc": "an Audible audiobook, which is encrypted",
    b"crx ": "a camera's raw image (CR3)",
    b"jxl ": "JPEG XL",
}
"""By the major brand of an ISO base media file."""

RAW_SUFFIXES: Final = {
    ".g722": "raw G.722 audio",
    ".g723": "raw G.723 audio",
    ".g723_1": "raw G.723.1 audio",
    ".g726": "raw G.726 audio",
    ".g729": "raw G.729 audio",
    ".gsm": "raw GSM speech",
    ".sbc": "raw SBC audio",
    ".aptx": "raw aptX audio",
    ".msbc": "raw SBC audio",
    ".al": "raw A-law audio",
    ".alaw": "raw A-law audio",
    ".ul": "raw mu-law audio",
    ".ulaw": "raw mu-law audio",
    ".pcm": "raw samples",
    ".raw": "raw samples",
    ".sln": "raw samples",
    ".s16le": "raw samples",
    ".f32le": "raw samples",
    ".dsd": "raw samples",
    ".rso": "Lego Mindstorms audio (RSO)",
    ".aud": "Westwood audio (AUD)",
    ".yuv": "raw pictures",
    ".rgb": "raw pictures",
    ".h261": "a bare H.261 stream",
    ".261": "a bare H.261 stream",
    ".cdg": "karaoke graphics (CD+G)",
    ".wbmp": "a WBMP image",
    ".3dostr": "3DO audio or video",
}
"""Formats whose files can't be known by their first bytes."""
