import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from hdrfuse.formats import REC709
from hdrfuse.formats.icc import (
    PUBLISHED,
    linear_profile,
    read_profile,
    srgb_profile,
)


def with_curve(profile: bytes, curve: bytes) -> bytes:
    """The profile with another curve of equal or smaller length in the place of all three."""
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {profile[132 + 12 * i :][:4]: struct.unpack_from(">II", profile, 136 + 12 * i) for i in range(count)}
    data = bytearray(profile + curve)
    for i in range(count):
        name = profile[132 + 12 * i :][:4]
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">II", data, 136 + 12 * i, len(profile), len(curve))
    assert b"rTRC" in tags
    return bytes(data)


@pytest.mark.parametrize("chromaticities", PUBLISHED)
def test_a_known_space_gets_its_published_values(chromaticities):
    profile = read_profile(linear_profile(chromaticities))
    assert profile.chromaticities == chromaticities
    assert profile.linear


def test_littlecms_s_own_srgb_is_recognised():
    profile = read_profile(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert profile.chromaticities == REC709
    assert not profile.linear


def test_an_unknown_space_is_read_back_within_the_profile_s_rounding():
    space = (0.66, 0.31, 0.28, 0.63, 0.14, 0.05, 0.32, 0.34)
    assert read_profile(linear_profile(space)).chromaticities == pytest.approx(space, abs=3e-4)


@given(st.floats(0.28, 0.36), st.floats(0.29, 0.37))
def test_any_white_survives_its_adaptation_to_d50_and_back(x, y):
    space = (0.66, 0.31, 0.28, 0.63, 0.14, 0.05, x, y)
    assert read_profile(linear_profile(space)).chromaticities == pytest.approx(space, abs=1e-3)


@pytest.mark.parametrize(
    ("curve", "linear"),
    [
        (b"curv\0\0\0\0" + struct.pack(">I", 0), True),
        (b"curv\0\0\0\0" + struct.pack(">IH", 1, 256), True),
        (b"curv\0\0\0\0" + struct.pack(">IH", 1, 563), False),
        (b"curv\0\0\0\0" + struct.pack(">I3H", 3, 0, 32768, 65535), True),
        (b"curv\0\0\0\0" + struct.pack(">I3H", 3, 0, 20000, 65535), False),
        (b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, 65536), True),
        (b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, 144179), False),
    ],
)
def test_only_an_identity_curve_is_linear(curve, linear):
    assert read_profile(with_curve(srgb_profile(), curve)).linear is linear


@given(st.binary(max_size=400))
def test_a_damaged_profile_is_none(data):
    head = srgb_profile()[:132]
    assert read_profile(head + data) is None or len(data) > 100


@pytest.mark.parametrize("cut", [0, 50, 131, 200, 300])
def test_a_truncated_profile_is_none(cut):
    assert read_profile(srgb_profile()[:cut]) is None
    assert read_profile(None) is None


def test_littlecms_takes_our_profiles_and_agrees_on_srgb():
    ours = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    theirs = ImageCms.createProfile("sRGB")
    ramp = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    converted = np.asarray(ImageCms.profileToProfile(Image.fromarray(ramp), ours, theirs))
    assert np.abs(converted.astype(int) - ramp).max() <= 1


def test_equal_arguments_give_equal_profiles():
    assert linear_profile(REC709) == linear_profile.__wrapped__(REC709)
