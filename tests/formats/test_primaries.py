"""Primaries that files state: nothing, something, or what no light has, by whichever format."""

import struct
import zlib

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from hdrfuse.errors import ImageError
from hdrfuse.formats import read_header
from hdrfuse.formats.icc import PROPHOTO, PUBLISHED, read_profile
from hdrfuse.formats.image import REC709
from hdrfuse.formats.primaries import stated_primaries
from hdrfuse.formats.refusal import RefusedError

ACES = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
RED_WIDE = (0.780308, 0.304253, 0.121595, 1.493994, 0.095612, -0.084589, 0.3127, 0.329)
"""Real sets whose blue, outside of the diagram, has a negative y."""

IMPOSSIBLE = {
    "white has no luminance": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.0),
    "a primary has no luminance": (0.64, 0.0, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.329),
    "on one line": (0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.25, 0.25),
    "two are one": (0.64, 0.33, 0.64, 0.33, 0.15, 0.06, 0.3127, 0.329),
    "white outside": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.7, 0.3),
    "white on a side": (0.6, 0.3, 0.3, 0.6, 0.15, 0.06, 0.45, 0.45),
    "only white": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3127, 0.329),
    "far away": (640.0, 330.0, 300.0, 600.0, 150.0, 60.0, 312.7, 329.0),
}
NOT_FINITE = {
    "nan": (float("nan"), 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.329),
    "inf": (0.64, 0.33, float("inf"), 0.60, 0.15, 0.06, 0.3127, 0.329),
}


def write_hdr(path, primaries):
    head = "PRIMARIES=" + " ".join(map(repr, primaries)) + "\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 2\n"
    path.write_bytes(b"#?RADIANCE\n" + head.encode() + 16 * b"\x80")


def write_exr(path, primaries):
    header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.NO_COMPRESSION, "chromaticities": primaries}
    with OpenEXR.File(header, {"RGB": np.ones((2, 2, 3), np.float32)}) as file:
        file.write(str(path))


def write_png(path, primaries):
    Image.new("RGB", (2, 2)).save(path)
    data = path.read_bytes()
    body = b"cHRM" + struct.pack(">8I", *(round(100_000 * value) for value in (*primaries[6:], *primaries[:6])))
    path.write_bytes(data[:33] + struct.pack(">I", 32) + body + struct.pack(">I", zlib.crc32(body)) + data[33:])


WRITERS = {".hdr": write_hdr, ".exr": write_exr, ".png": write_png}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("primaries", [REC709, PROPHOTO])
def test_what_is_stated_is_kept_and_zeros_state_nothing(tmp_path, suffix, primaries):
    path = tmp_path / f"a{suffix}"
    WRITERS[suffix](path, primaries)
    assert read_header(path).chromaticities == pytest.approx(primaries, abs=1e-6)
    WRITERS[suffix](path, (0.0,) * 8)
    assert read_header(path).chromaticities == REC709


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_impossible_primaries_are_refused_when_the_file_is_read(tmp_path, suffix, what):
    path = tmp_path / f"a{suffix}"
    WRITERS[suffix](path, IMPOSSIBLE[what])
    with pytest.raises(ImageError, match=rf"a\{suffix}: its primaries are none"):
        read_header(path)


@pytest.mark.parametrize("suffix", [".hdr", ".exr"])
@pytest.mark.parametrize("what", NOT_FINITE)
def test_primaries_that_are_not_finite_are_refused_when_the_file_is_read(tmp_path, suffix, what):
    path = tmp_path / f"a{suffix}"
    WRITERS[suffix](path, NOT_FINITE[what])
    with pytest.raises(ImageError, match=rf"a\{suffix}: .*(?i:primaries)"):
        read_header(path)


@pytest.mark.parametrize("primaries", [*PUBLISHED, ACES, RED_WIDE])
def test_primaries_in_use_are_some(primaries):
    assert stated_primaries(primaries) == primaries


@pytest.mark.parametrize("primaries", [*IMPOSSIBLE.values(), *NOT_FINITE.values()])
def test_impossible_primaries_are_refused(primaries):
    with pytest.raises(RefusedError, match="its primaries are none"):
        stated_primaries(primaries)


def test_a_profile_of_impossible_colorants_says_nothing():
    from hdrfuse.formats.icc import linear_profile

    sound = linear_profile(RED_WIDE)
    assert read_profile(sound).chromaticities == pytest.approx(RED_WIDE, abs=2e-3)
    red = sound.index(b"XYZ \0\0\0\0", sound.index(b"XYZ \0\0\0\0", 128) + 4)
    green = red + 20
    assert read_profile(sound[:green] + sound[red:green] + sound[green + 20 :]) is None
