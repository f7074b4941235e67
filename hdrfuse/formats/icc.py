"""ICC profiles (ICC.1:2022): primaries and linearity of matrix profiles, and profiles to embed."""

import struct
from dataclasses import dataclass
from functools import cache

import numpy as np

from hdrfuse.formats.colorimetry import Matrix, Tristimulus, adaptation, rgb_to_xyz, xy_to_xyz, xyz_to_xy
from hdrfuse.formats.image import REC709, Chromaticities
from hdrfuse.formats.primaries import stated_primaries
from hdrfuse.formats.refusal import RefusedError

D65 = (0.3127, 0.3290)
DISPLAY_P3: Chromaticities = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65)
ADOBE_RGB: Chromaticities = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, *D65)
REC2020: Chromaticities = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *D65)
PROPHOTO: Chromaticities = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, 0.3457, 0.3585)

PUBLISHED = (REC709, DISPLAY_P3, ADOBE_RGB, REC2020, PROPHOTO)
"""Spaces that are recognised in a profile and given their published chromaticities, free of its rounding."""

RECOGNISED_WITHIN = 2e-3
"""Largest difference of a colorant (XYZ, white Y = 1) from a published space's."""

D50_XYZ = np.array([0.9642, 1.0, 0.8249])
"""White of the profile connection space (ICC.1:2022, 7.2.16)."""

HEADER_BYTES = 128
LINEAR_WITHIN = 1.5 / 65535


@dataclass(frozen=True)
class Profile:
    """What an RGB matrix profile says."""

    chromaticities: Chromaticities
    linear: bool
    """Its tone curves are exactly the identity."""


def read_profile(icc: bytes | None) -> Profile | None:
    """Read an RGB matrix profile; None for anything else: no profile, tables, grey, CMYK, damage."""
    if not icc or len(icc) < HEADER_BYTES + 4 or icc[16:20] != b"RGB " or icc[36:40] != b"acsp":
        return None
    try:
        tags = _tags(icc)
        colorants = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        linear = all(_is_identity(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
        chad = np.array(_s15fixed16(tags[b"chad"][8:44])).reshape(3, 3) if b"chad" in tags else None
        white = _xyz(tags[b"wtpt"]) if b"wtpt" in tags else D50_XYZ
        chromaticities = _chromaticities(colorants, white, chad)
    except (KeyError, ValueError, struct.error, np.linalg.LinAlgError, RefusedError):
        return None
    return Profile(chromaticities, linear)


@cache
def srgb_profile() -> bytes:
    """Return an sRGB profile (IEC 61966-2-1) to embed in what a screen shows."""
    parameters = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + _to_s15fixed16(parameters)
    return _profile("sRGB", REC709, curve)


@cache
def linear_profile(chromaticities: Chromaticities) -> bytes:
    """Return a profile of linear RGB with the given primaries and white."""
    return _profile("Linear RGB", chromaticities, b"curv" + struct.pack(">II", 0, 0))


def _chromaticities(colorants: Matrix, white: Tristimulus, chad: Matrix | None) -> Chromaticities:
    """Chromaticities of D50-adapted colorants (columns). Raises RefusedError if they span no colour space."""
    for published in PUBLISHED:
        if np.abs(colorants - _adapted_colorants(published)).max() < RECOGNISED_WITHIN:
            return published
    to_source = adaptation(D50_XYZ, white) if chad is None else np.linalg.inv(chad)
    own_white = white if chad is None else to_source @ D50_XYZ
    xy = [xyz_to_xy(to_source @ colorant) for colorant in colorants.T] + [xyz_to_xy(own_white)]
    return stated_primaries([round(float(value), 4) for value in np.ravel(xy)])


@cache
def _adapted_colorants(chromaticities: Chromaticities) -> Matrix:
    return adaptation(xy_to_xyz(*chromaticities[6:]), D50_XYZ) @ rgb_to_xyz(chromaticities)


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, HEADER_BYTES)
    if count > 1000:
        raise ValueError(f"{count} tags")
    entries = (struct.unpack_from(">4sII", icc, HEADER_BYTES + 4 + 12 * i) for i in range(count))
    return {name: icc[offset : offset + size] for name, offset, size in entries}


def _is_identity(curve: bytes) -> bool:
    kind, (count,) = curve[:4], struct.unpack_from(">I", curve, 8)
    if kind == b"para":
        function = count >> 16
        gamma, *rest = _s15fixed16(curve[12 : 12 + 4 * (1, 3, 4, 5, 7)[min(function, 4)]])
        return gamma == 1.0 and (function == 0 or (function in (1, 2) and rest[:2] == [1.0, 0.0] and not any(rest[2:])))
    if kind != b"curv":
        return False
    if count == 0:
        return True
    values = np.frombuffer(curve, ">u2", count=count, offset=12)
    if count == 1:
        return int(values[0]) == 256  # u8Fixed8: gamma 1.0
    return bool(np.abs(values / 65535 - np.linspace(0, 1, count)).max() <= LINEAR_WITHIN)


def _xyz(tag: bytes) -> Tristimulus:
    return np.array(_s15fixed16(tag[8:20]))


def _s15fixed16(data: bytes) -> list[float]:
    return [value / 65536 for value in struct.unpack(f">{len(data) // 4}i", data)]


def _to_s15fixed16(values: tuple[float, ...] | Matrix) -> bytes:
    return struct.pack(f">{np.size(values)}i", *(round(float(value) * 65536) for value in np.ravel(values)))


def _profile(name: str, chromaticities: Chromaticities, curve: bytes) -> bytes:
    """Return a version 4 display profile; equal arguments give equal bytes (its date is the standard's)."""
    colorants = _adapted_colorants(chromaticities)
    chad = adaptation(xy_to_xyz(*chromaticities[6:]), D50_XYZ)
    bodies: dict[bytes, bytes] = {
        b"desc": _localized_text(name),
        b"cprt": _localized_text("CC0"),
        b"wtpt": b"XYZ \0\0\0\0" + _to_s15fixed16(D50_XYZ),
        b"chad": b"sf32\0\0\0\0" + _to_s15fixed16(chad),
        b"rXYZ": b"XYZ \0\0\0\0" + _to_s15fixed16(colorants[:, 0]),
        b"gXYZ": b"XYZ \0\0\0\0" + _to_s15fixed16(colorants[:, 1]),
        b"bXYZ": b"XYZ \0\0\0\0" + _to_s15fixed16(colorants[:, 2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, data, start = struct.pack(">I", len(bodies)), b"", HEADER_BYTES + 4 + 12 * len(bodies)
    for tag, body in bodies.items():
        table += struct.pack(">4sII", tag, start + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    header = struct.pack(
        ">I4sI4s4s4s6H4s4sI4s4sQI12s4s44x",
        start + len(data), b"\0\0\0\0", 0x04400000, b"mntr", b"RGB ", b"XYZ ", 2022, 5, 1, 0, 0, 0,
        b"acsp", b"\0\0\0\0", 0, b"\0\0\0\0", b"\0\0\0\0", 0, 0, _to_s15fixed16(D50_XYZ), b"\0\0\0\0",
    )  # fmt: skip
    return header + table + data


def _localized_text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(encoded), 28) + encoded
