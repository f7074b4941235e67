"""What other frames of a bracket tell of a frame that repeats a sector: damage, a border, or the night."""

import numpy as np
import pytest
import tifffile

from hdrfuse.brackets.scene import find_scene
from hdrfuse.errors import ImageError
from hdrfuse.imaging.bracket import read_bracket

EVS = (-2, 0, 2)
SIZE = (120, 100)


def frame(ev, dtype="uint8", level=0.2):
    """A picture with texture; `level` is its mean exposure at 0 EV."""
    light = np.random.default_rng(0).uniform(0.5, 1.5, (*SIZE, 3)) * level * 2.0**ev
    if dtype == "float32":
        return light.astype(np.float32)
    return np.rint(np.clip(light, 0, 1) ** (1 / 2.2) * np.iinfo(dtype).max).astype(dtype)


def read(folder, frames, **options):
    for ev, pixels in zip(EVS, frames, strict=True):
        tifffile.imwrite(folder / f"a_{ev:+d}EV.tif", pixels, photometric="rgb", **options)
    return read_bracket(find_scene([folder]))


def cut(pixels, row, column=37, value=0):
    """Write over everything from a pixel on."""
    pixels.reshape(-1, 3)[row * SIZE[1] + column :] = value
    return pixels


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}, {"rowsperstrip": 7}])
@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_tail_of_zeros_is_refused_with_file_and_rows(tmp_path, dtype, options, damaged):
    frames = [frame(ev, dtype) for ev in EVS]
    cut(frames[damaged], 90)
    with pytest.raises(ImageError, match=r"damaged: .* rows 90 and 119 of 120") as refusal:
        read(tmp_path, frames, **options)
    assert str(refusal.value).startswith(str(tmp_path / f"a_{EVS[damaged]:+d}EV.tif: damaged"))


@pytest.mark.parametrize("column", [0, 37])
def test_a_lost_half_is_refused_wherever_it_begins(tmp_path, column):
    frames = [frame(ev) for ev in EVS]
    cut(frames[1], 60, column)
    with pytest.raises(ImageError, match=r"a_\+0EV.tif: damaged"):
        read(tmp_path, frames)


def test_a_sector_of_the_picture_over_and_over_is_refused(tmp_path):
    frames = [frame(ev) for ev in EVS]
    data = frames[1].reshape(-1)
    data[20_001:30_241] = np.tile(data[3000:3512], 20)
    with pytest.raises(ImageError, match=r"a_\+0EV.tif: damaged"):
        read(tmp_path, frames)


def test_two_damaged_frames_are_found_by_the_third(tmp_path):
    frames = [cut(frame(-2), 80), cut(frame(0), 80), frame(2)]
    with pytest.raises(ImageError, match="damaged"):
        read(tmp_path, frames)


def test_a_lost_block_is_warned_of(tmp_path):
    frames = [frame(ev) for ev in EVS]
    frames[1] = np.tile(frames[1], (1, 20, 1))
    frames[0], frames[2] = np.tile(frames[0], (1, 20, 1)), np.tile(frames[2], (1, 20, 1))
    frames[1].reshape(-1)[100_001 : 100_001 + 4096] = 0
    (warning,) = read(tmp_path, frames).warnings
    assert warning.startswith("a_+0EV.tif: may be damaged: it holds one sector over and over between rows 16 and 17")


def test_a_border_of_one_frame_is_warned_of_and_read(tmp_path):
    frames = [frame(ev) for ev in EVS]
    frames[1][-20:] = 0  # as aligned without alpha
    bracket = read(tmp_path, frames)
    assert "a_+0EV.tif: may be damaged" in bracket.warnings[0]


@pytest.mark.parametrize("column", [0, 37])
def test_a_border_of_all_frames_is_a_border(tmp_path, column):
    frames = [cut(frame(ev), 70, column) for ev in EVS]
    assert read(tmp_path, frames).warnings == ()


def test_ground_that_is_black_in_short_exposures_is_night(tmp_path):
    frames = [frame(ev) for ev in EVS]
    for pixels, ev in zip(frames, EVS, strict=True):
        night = frame(ev, level=0.002)
        pixels[60:] = np.where(night > 24, night, 0)[60:]  # a camera's curve crushes shadows
    assert [bool(pixels[60:].any()) for pixels in frames] == [False, False, True]
    assert read(tmp_path, frames).warnings == ()


@pytest.mark.parametrize("white", [255, 220])
@pytest.mark.parametrize("level", [0.7, 3.0, 20.0])
def test_a_sky_that_is_white_in_long_exposures_is_sky(tmp_path, level, white):
    frames = [np.minimum(frame(ev), white) for ev in EVS]
    for pixels, ev in zip(frames, EVS, strict=True):
        pixels[:50] = np.minimum(white, 255 * (level * 2.0**ev) ** (1 / 2.2))
    assert read(tmp_path, frames).warnings == ()


def test_what_is_transparent_is_no_damage(tmp_path):
    frames = [np.dstack([frame(ev), np.full(SIZE, 255, np.uint8)]) for ev in EVS]
    frames[1].reshape(-1, 4)[9_037:] = 0
    assert read(tmp_path, frames, extrasamples=["unassalpha"]).warnings == ()
