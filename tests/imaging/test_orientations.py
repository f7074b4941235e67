"""Frames of one bracket whose files say that the camera was turned, though it was not, and those where it was."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from hdrfuse.brackets.scene import find_scene
from hdrfuse.errors import BracketError
from hdrfuse.imaging.bracket import read_bracket
from hdrfuse.imaging.orientations import likeness
from hdrfuse.inspection import inspect_scene

EVS = (-2, 0, 2)


def light(size=(60, 90)):
    """Linear light (H, W, 3): a landscape, bright above and at one side, with texture."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / np.array(size)[:, None, None]
    texture = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, size), (0, 0), 4)
    return (0.1 + 0.5 * (1 - y) ** 2 + 0.2 * x + texture)[..., None].clip(0.02, 1) * np.array([1, 0.8, 0.6])


def exposed(ev, size=(60, 90)):
    return np.rint(np.clip(light(size) * 2.0**ev, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def write(path, pixels, ev, orientation, camera="A camera"):
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model], exif[Base.Orientation] = "Make", camera, orientation
    exif.get_ifd(IFD.Exif)[Base.ExposureTime] = IFDRational(round(1e6 * 2.0**ev / 64), 1_000_000)
    options = {"quality": 98, "subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(pixels).save(path, exif=exif, **options)


def write_bracket(folder, orientations, suffix=".png", pictures=None, **how):
    pictures = pictures or [exposed(ev) for ev in EVS]
    for index, (pixels, ev, orientation) in enumerate(zip(pictures, EVS, orientations, strict=True)):
        write(folder / f"IMG_{index}{suffix}", pixels, ev, orientation, **how)
    return read_bracket(find_scene([folder]), exposures=EVS)


def assert_as_stored(bracket):
    for frame, ev in zip(bracket.frames, EVS, strict=True):
        np.testing.assert_array_equal(frame.pixels, exposed(ev))


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("odd", [0, 1, 2])
def test_one_frame_s_other_orientation_is_overruled_with_a_warning(tmp_path, orientation, odd):
    stated = [1, 1, 1]
    stated[odd] = orientation
    bracket = write_bracket(tmp_path, stated)
    assert_as_stored(bracket)
    assert len(bracket.warnings) == 1
    assert f"IMG_{odd}.png: its EXIF orientation is {orientation}, the other frames' 1" in bracket.warnings[0]


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_it_is_in_every_format(tmp_path, suffix):
    bracket = write_bracket(tmp_path, (8, 8, 1), suffix)
    for frame, ev in zip(bracket.frames, EVS, strict=True):
        turned = np.rot90(exposed(ev)).astype(int)
        assert frame.pixels.shape == turned.shape
        assert np.abs(frame.pixels - turned).mean() < 2
    assert "IMG_2" in bracket.warnings[0]


def test_it_is_in_camera_raw(tmp_path):
    pytest.importorskip("rawpy", reason="the raw extra is not installed")
    for index, orientation in enumerate((1, 6, 1)):
        _write_dng(tmp_path / f"IMG_{index}_{2 * index - 2:+d}EV.dng", 2.0 ** (2 * index - 4), orientation)
    bracket = read_bracket(find_scene([tmp_path]), exposures=(-2, 0, 2))
    assert {frame.pixels.shape for frame in bracket.frames} == {(60, 90, 3)}
    first, second = (frame.pixels[8:-8, 8:-8].astype(float) for frame in bracket.frames[:2])
    assert np.median(second / first) == pytest.approx(4, rel=0.05)
    assert "IMG_1" in bracket.warnings[0]


def _write_dng(path, exposure, orientation):
    mosaic = np.rint(64 + 4000 * light()[..., 1] * exposure).astype(np.uint16)
    identity = [part for value in np.eye(3).ravel() for part in (int(value * 10_000), 10_000)]
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True), (50708, "s", 0, "Test Camera", True), (271, "s", 0, "Test", True),
        (272, "s", 0, "Camera", True), (274, "H", 1, orientation, True), (50721, "2i", 9, identity, True),
        (50728, "2I", 3, (1, 1) * 3, True), (50778, "H", 1, 21, True), (50717, "I", 1, 4095, True),
        (50714, "H", 1, 64, True), (33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True),
    ]  # fmt: skip
    tifffile.imwrite(path, mosaic, photometric=32803, extratags=tags, metadata=None, subfiletype=0)


def test_the_first_of_as_many_orientations_is_taken(tmp_path):
    pixels = [exposed(ev) for ev in (-1, 1)]
    for index, (frame, orientation) in enumerate(zip(pixels, (3, 1), strict=True)):
        write(tmp_path / f"IMG_{index}.png", frame, 2 * index - 1, orientation)
    bracket = read_bracket(find_scene([tmp_path]))
    for frame, stored in zip(bracket.frames, pixels, strict=True):
        np.testing.assert_array_equal(frame.pixels, stored[::-1, ::-1])


def test_the_covered_place_turns_with_its_frame(tmp_path):
    pictures = [np.dstack([exposed(ev), np.full((60, 90), 255, np.uint8)]) for ev in EVS]
    pictures[1][:9, :, 3] = 0
    bracket = write_bracket(tmp_path, (1, 6, 1), pictures=pictures)
    np.testing.assert_array_equal(bracket.frames[1].covered, pictures[1][..., 3] > 0)


def test_pixels_that_were_turned_with_their_orientation_keep_it(tmp_path):
    pictures = [exposed(ev) for ev in EVS]
    pictures[2] = np.ascontiguousarray(pictures[2][::-1, ::-1])
    bracket = write_bracket(tmp_path, (1, 1, 3), pictures=pictures)
    assert_as_stored(bracket)
    assert bracket.warnings == ()


def test_square_pixels_that_were_turned_with_their_orientation_keep_it(tmp_path):
    square = (64, 64)
    pictures = [exposed(-2, square), np.ascontiguousarray(np.rot90(exposed(0, square))), exposed(2, square)]
    bracket = write_bracket(tmp_path, (1, 6, 1), pictures=pictures)
    np.testing.assert_array_equal(bracket.frames[1].pixels, exposed(0, square))
    assert bracket.warnings == ()


def test_frames_stored_in_other_sizes_that_are_alike_upright_stay_as_they_are(tmp_path):
    pictures = [exposed(ev) for ev in EVS]
    pictures[0] = np.ascontiguousarray(np.rot90(pictures[0]))
    assert_as_stored(write_bracket(tmp_path, (6, 1, 1), pictures=pictures))


def test_a_frame_of_a_camera_that_was_turned_is_refused_with_both_sizes(tmp_path):
    pictures = [exposed(ev) for ev in EVS]
    upright = exposed(2, (90, 60))  # the same landscape, taken upright
    pictures[2] = np.ascontiguousarray(np.rot90(upright))
    with pytest.raises(BracketError, match="differ in size: 90 x 60 and 60 x 90"):
        write_bracket(tmp_path, (1, 1, 6), pictures=pictures)


def test_another_camera_s_frame_keeps_its_orientation(tmp_path):
    for index, ev in enumerate(EVS):
        write(tmp_path / f"IMG_{index}.png", exposed(ev), ev, 1)
    write(tmp_path / "IMG_3.png", exposed(3), 3, 6, camera="Another")
    with pytest.raises(BracketError, match="differ in size"):
        read_bracket(find_scene([tmp_path]))


def test_info_says_so_too(tmp_path):
    write_bracket(tmp_path, (1, 6, 1))
    inspection = inspect_scene([tmp_path])
    assert inspection.problem is None
    assert "IMG_1.png: its EXIF orientation is 6" in inspection.warnings[0]


def test_likeness_is_of_places_not_of_exposures():
    picture = exposed(0)
    assert likeness(picture, exposed(-3)) > 0.9
    assert likeness(picture, np.ascontiguousarray(picture[::-1, ::-1])) < 0.3
    assert likeness(picture, np.full_like(picture, 255)) == 0.0
