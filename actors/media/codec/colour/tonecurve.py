"""HDR light as standard-range signal: what a PQ or HLG colour becomes in BT.709. Pure NumPy.

The published formulas, in their order:

1. PQ signal to light: SMPTE ST 2084 (BT.2100, table 4). HLG signal to light: BT.2100, table 5,
   with the OOTF of a display of 1,000 cd/m2 (gamma 1.2).
2. Light down to the standard range: the EETF of BT.2390 (section 5.4.1), from 1,000 to
   203 cd/m2 (reference white of BT.2408), on the greatest of red, green and blue, so that hues
   stay. Light below about 87 cd/m2 is left as it is.
3. Primaries to BT.709 (matrices by SMPTE RP 177). What lies outside is mixed with grey of its own
   luminance until no component is negative.
4. The inverse of BT.1886 (gamma 2.4).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy.typing import NDArray

Array = NDArray[np.float64]

PEAK_NITS = 1_000.0
WHITE_NITS = 203.0
_HLG_GAMMA = 1.2
_DISPLAY_GAMMA = 2.4
_D65 = (0.3127, 0.3290)
_BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_PRIMARIES = {int(ColorPrimaries.BT709): _BT709, int(ColorPrimaries.SMPTE432): _P3}

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073


def pq_to_nits(signal: Array) -> Array:
    """Light in cd/m2 of a PQ signal, 0 to 1, any shape."""
    power = np.power(np.clip(signal, 0, 1), 1 / _M2)
    light = np.maximum(power - _C1, 0) / (_C2 - _C3 * power)
    return np.asarray(10_000 * np.power(light, 1 / _M1))


def nits_to_pq(nits: Array) -> Array:
    """PQ signal, 0 to 1, of light in cd/m2, any shape."""
    power = np.power(np.clip(nits / 10_000, 0, 1), _M1)
    return np.asarray(np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2))


def hlg_to_nits(signal: Array, luma: Array) -> Array:
    """Light in cd/m2 on a display of 1,000 cd/m2; `signal`: (..., 3), 0 to 1, linear `luma`
    weights (3,)."""
    signal = np.clip(signal, 0, 1)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)
    luminance = np.maximum(scene @ luma, 1e-9)[..., None]
    return np.asarray(PEAK_NITS * scene * luminance ** (_HLG_GAMMA - 1))


def compress(nits: Array) -> Array:
    """The EETF of BT.2390: light of up to `PEAK_NITS` as light of up to `WHITE_NITS` (cd/m2)."""
    top = float(nits_to_pq(np.array(PEAK_NITS)))
    most = float(nits_to_pq(np.array(WHITE_NITS))) / top
    knee = 1.5 * most - 0.5
    level = np.minimum(nits_to_pq(nits) / top, 1)
    t = (level - knee) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * most
    )
    return np.where(level < knee, nits, pq_to_nits(bent * top))


def to_sdr(signal: Array, transfer: int, primaries: int) -> Array:
    """BT.709 signal, 0 to 1, of the HDR `signal` (..., 3): red, green, blue, 0 to 1, full range.

    `transfer` and `primaries` are numbers of H.273: PQ (16) or HLG (18); unknown primaries are
    taken for BT.2020.
    """
    corners = _PRIMARIES.get(int(primaries), _BT2020)
    to_xyz = _rgb_to_xyz(corners)
    if int(transfer) == int(ColorTrc.ARIB_STD_B67):
        light = hlg_to_nits(signal, to_xyz[1])
    else:
        light = pq_to_nits(signal)
    most = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    light = light * (compress(most) / most) / WHITE_NITS
    to_709 = np.linalg.inv(_rgb_to_xyz(_BT709))
    wanted = _inside(light @ (to_709 @ to_xyz).T, light @ to_xyz[1])
    return np.asarray(np.clip(wanted, 0, 1) ** (1 / _DISPLAY_GAMMA))


def _inside(light: Array, luminance: Array) -> Array:
    """`light` (..., 3) mixed with grey of its `luminance` (...) until no component is negative."""
    least = light.min(axis=-1)
    grey = np.where(least < 0, -least / np.maximum(luminance - least, 1e-9), 0)[..., None]
    return np.asarray(light * (1 - grey) + luminance[..., None] * grey)


@cache
def _rgb_to_xyz(corners: tuple[tuple[float, float], ...]) -> Array:
    """Linear RGB to CIE XYZ, (3, 3), white at D65 with Y = 1."""

    def xyz(x: float, y: float) -> list[float]:
        return [x / y, 1.0, (1 - x - y) / y]

    columns = np.array([xyz(*corner) for corner in corners]).T
    return columns * np.linalg.solve(columns, np.array(xyz(*_D65)))


@cache
def sdr_cube(transfer: int, primaries: int, steps: int) -> NDArray[np.float32]:
    """`to_sdr` of `steps` levels each: (blue, green, red, 3), float32, read-only. 10 to 30 ms."""
    level = np.linspace(0, 1, steps)
    blue, green, red = np.meshgrid(level, level, level, indexing="ij")
    cube = to_sdr(np.stack([red, green, blue], axis=-1), transfer, primaries).astype(np.float32)
    cube.setflags(write=False)
    return cube
