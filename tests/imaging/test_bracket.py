from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hdrfuse.brackets.scene import Scene, find_scene
from hdrfuse.data.demo import exposure_exif
from hdrfuse.errors import BracketError, UsageError
from hdrfuse.formats import ImageHeader
from hdrfuse.imaging import bracket as bracket_module
from hdrfuse.imaging import compatibility
from hdrfuse.imaging import headers as headers_module
from hdrfuse.imaging.bracket import Bracket, bracket_of_arrays, read_bracket

LIGHT = np.random.default_rng(0).uniform(0.02, 1.0, (40, 60, 3))


def exposed(ev: float, dtype: str = "uint8") -> np.ndarray:
    encoded = np.clip(LIGHT * 2.0**ev, 0, 1) ** (1 / 2.2)
    return np.rint(encoded * np.iinfo(dtype).max).astype(dtype)


def flat(level: float) -> np.ndarray:
    return np.full((40, 60, 3), round(level * 255), np.uint8)


def names(bracket: Bracket) -> list[str]:
    return [frame.name for frame in bracket.frames]


def test_frames_are_ordered_by_exposure_whatever_their_order():
    bracket = bracket_of_arrays([exposed(2), exposed(-2), exposed(0)], (2, -2, 0))
    assert names(bracket) == ["frame 1", "frame 2", "frame 0"]
    assert [frame.ev for frame in bracket.frames] == [-2, 0, 2]
    assert bracket.reference == 1
    assert bracket.relative_evs == (-2.0, 0.0, 2.0)
    assert bracket.warnings == ()


@pytest.mark.parametrize("count", [3, 5, 7])
def test_the_middle_of_an_odd_number_is_the_reference(count):
    frames = [flat(0.3 + 0.4 * index / count) for index in range(count)]
    assert bracket_of_arrays(frames, range(count)).reference == count // 2


@pytest.mark.parametrize(("levels", "expected"), [((0.02, 0.4, 0.99, 1.0), 1), ((0.0, 0.02, 0.6, 1.0), 2)])
def test_the_better_exposed_of_two_middle_frames_is_the_reference(levels, expected):
    assert bracket_of_arrays([flat(level) for level in levels], (-3, -1, 1, 3)).reference == expected


@pytest.mark.parametrize(("clipped", "expected"), [((0, 2, 8, 30), 1), ((0, 16, 8, 30), 2)])
def test_of_two_usable_middle_frames_the_one_with_fewer_clipped_rows_is_the_reference(clipped, expected):
    frames = [flat(0.2 + 0.05 * index) for index in range(4)]
    for frame, rows in zip(frames, clipped, strict=True):
        frame[:rows] = 255
    assert bracket_of_arrays(frames, (-3, -1, 1, 3), binding=True).reference == expected


@pytest.mark.parametrize(("levels", "expected"), [((0.4, 1.0, 1.0), 0), ((0.0, 0.0, 0.5), 2), ((0.3, 0.5, 0.7), 1)])
def test_a_mostly_clipped_or_black_middle_gives_way_to_its_neighbour(levels, expected):
    assert bracket_of_arrays([flat(level) for level in levels], (-2, 0, 2)).reference == expected


def test_a_reference_is_named_by_its_index_in_exposure_order_or_its_name():
    frames = [exposed(2), exposed(-2), exposed(0)]
    assert bracket_of_arrays(frames, (2, -2, 0), reference=2).reference == 2
    assert bracket_of_arrays(frames, (2, -2, 0), reference="0").reference == 0
    assert bracket_of_arrays(frames, (2, -2, 0), reference="frame 0").reference == 2


@pytest.mark.parametrize(("reference", "message"), [(3, "0 to 2"), (-1, "0 to 2"), ("beach.jpg", "no such frame")])
def test_a_reference_that_is_not_there_is_refused(reference, message):
    with pytest.raises(UsageError, match=message):
        bracket_of_arrays([exposed(ev) for ev in (-2, 0, 2)], (-2, 0, 2), reference=reference)


def test_given_exposures_of_another_order_are_put_in_the_pictures_order_with_a_warning():
    bracket = bracket_of_arrays([exposed(2), exposed(-2)], (-2, 2))
    assert [(frame.name, frame.ev) for frame in bracket.frames] == [("frame 1", -2), ("frame 0", 2)]
    (warning,) = bracket.warnings
    assert "frame 0 +2.00, frame 1 -2.00" in warning


def test_binding_exposures_are_kept_with_a_warning():
    bracket = bracket_of_arrays([exposed(2), exposed(-2)], (-2, 2), binding=True)
    assert [(frame.name, frame.ev) for frame in bracket.frames] == [("frame 0", -2), ("frame 1", 2)]
    assert "frame 1 is darker than frame 0" in bracket.warnings[0]


def written(folder: Path, frames: dict[str, tuple[np.ndarray, float]]) -> Bracket:
    for name, (pixels, ev) in frames.items():
        exif = exposure_exif(Fraction(1, 64) * Fraction(2) ** int(ev))
        Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=98, subsampling=0, exif=exif)
    return read_bracket(find_scene([folder]))


def test_exif_that_agrees_with_the_pixels_is_believed(tmp_path):
    bracket = written(tmp_path, {"a": (exposed(0), 0), "b": (exposed(-2), -2), "c": (exposed(2), 2)})
    assert names(bracket) == ["b.jpg", "a.jpg", "c.jpg"]
    assert bracket.relative_evs == pytest.approx((-2, 0, 2))
    assert bracket.warnings == ()


def test_exif_of_another_size_is_replaced_by_the_pixels_with_a_warning(tmp_path):
    bracket = written(tmp_path, {"a": (exposed(-1), 3), "b": (exposed(0), 0), "c": (exposed(1), -3)})
    assert names(bracket) == ["a.jpg", "b.jpg", "c.jpg"]
    assert {frame.ev_source for frame in bracket.frames} == {"pixels"}
    assert [frame.ev for frame in bracket.frames] == pytest.approx([-1, 0, 1], abs=0.05)
    assert any("estimated from the pixels" in warning for warning in bracket.warnings)


def test_exif_of_another_order_is_put_in_the_pictures_order_with_a_warning(tmp_path):
    bracket = written(tmp_path, {"a": (exposed(-2), 2), "b": (exposed(0), 0), "c": (exposed(2), -2)})
    assert names(bracket) == ["a.jpg", "b.jpg", "c.jpg"]
    assert bracket.relative_evs == pytest.approx((-2, 0, 2))
    assert any("another order" in warning for warning in bracket.warnings)


def test_frames_of_different_sizes_are_refused_with_both():
    with pytest.raises(BracketError, match=r"frame 0 and frame 1 differ in size: 60 x 40 and 60 x 39"):
        bracket_of_arrays([exposed(0), exposed(2)[:39]], (0, 2))


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 1), (40, 60, 4), (0, 60, 3)])
def test_arrays_that_are_not_colour_pictures_are_refused_with_their_shape(shape):
    with pytest.raises(BracketError, match=r"frame 1: shape"):
        bracket_of_arrays([exposed(0), np.zeros(shape, np.uint8)], (0, 2))


def test_a_grey_file_among_colours_is_refused_with_both(tmp_path):
    for name, pixels in {"colour": exposed(0), "grey": exposed(2)[..., 0]}.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    with pytest.raises(BracketError, match=r"colour\.png and .*grey\.png differ in channels"):
        read_bracket(find_scene([tmp_path]), exposures=(0, 2))


def test_linear_and_display_encoded_frames_do_not_mix():
    with pytest.raises(BracketError, match="differ in encoding"):
        bracket_of_arrays([exposed(0), LIGHT.astype(np.float32)], (0, 2))


@pytest.mark.parametrize(
    ("arrays", "evs", "message"),
    [
        ([exposed(0)], [0], "at least 2"),
        ([], [], "at least 2"),
        ([exposed(0), exposed(2)], [0], "1 EV for 2 arrays"),
        ([exposed(0), exposed(2).astype(np.int64)], [0, 2], "dtype int64"),
        ([LIGHT, np.full_like(LIGHT, np.nan)], [0, 2], "NaN or infinity"),
        ([exposed(0), exposed(2)], [1, 1], "1"),
        ([exposed(0), exposed(2)], [0, float("nan")], "nan"),
    ],
)
def test_arrays_that_form_no_bracket_are_refused(arrays, evs, message):
    with pytest.raises(BracketError, match=message):
        bracket_of_arrays(arrays, evs)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_integers_are_display_encoded_with_their_largest_value_white(dtype):
    bracket = bracket_of_arrays([exposed(0, dtype), exposed(2, dtype)], (0, 2))
    for frame in bracket.frames:
        assert not frame.linear
        assert frame.white == np.iinfo(dtype).max
        assert 0 <= frame.encoded_samples().min() < frame.encoded_samples().max() <= 1


def test_floats_are_linear_and_lose_negatives():
    bracket = bracket_of_arrays([LIGHT - 0.1, LIGHT * 4], (0, 2))
    assert all(frame.linear for frame in bracket.frames)
    assert bracket.frames[0].pixels.dtype == np.float32
    assert bracket.frames[0].pixels.min() == 0


@pytest.mark.parametrize(("width", "height", "count", "dtype"), [(6000, 4000, 9, "uint8"), (6000, 4000, 9, "uint16")])
def test_a_bracket_of_nine_camera_frames_fits_into_24_gb(monkeypatch, width, height, count, dtype):
    monkeypatch.setattr(compatibility, "free_bytes", lambda: 12 * 10**9)  # of 24, half is taken
    compatibility.check_memory([header(f"{index}.png", width, height, dtype) for index in range(count)])


def test_a_bracket_that_fits_into_no_memory_is_refused_before_a_pixel_is_decoded(tmp_path, monkeypatch):
    paths = tuple(tmp_path / f"{index}.png" for index in range(3))
    for path in paths:
        path.touch()
    monkeypatch.setattr(headers_module, "read_header", lambda path: header(str(path), 30_000, 30_000, "uint8"))
    monkeypatch.setattr(bracket_module, "read_image", lambda path, **_: pytest.fail("a frame was decoded"))
    monkeypatch.setattr(compatibility, "free_bytes", lambda: 8 * 10**9)
    with pytest.raises(BracketError, match=r"0.png: 3 frames of 30000 x 30000 pixels need 44.1 GB, 8.0 GB are free"):
        read_bracket(Scene(name="a", files=paths, folder=None), exposures=(-2, 0, 2))
    monkeypatch.setattr(compatibility, "free_bytes", lambda: None)
    compatibility.check_memory([header("0.png", 30_000, 30_000, "uint8")] * 3)


def header(name: str, width: int, height: int, dtype: str) -> ImageHeader:
    return ImageHeader(path=Path(name), width=width, height=height, channels=3, dtype=dtype, linear=False)


def test_scene_referred_frames_are_shares_of_the_white_at_which_the_brighter_ones_clip():
    light = np.linspace(0.1, 3.0, 3 * 4000).reshape(40, 100, 3)
    arrays = [np.minimum(light * 2.0**ev, 5.0).astype(np.float32) for ev in (-2, 0, 2)]
    assert [float(array.max()) for array in arrays] == [0.75, 3.0, 5.0]
    frames = bracket_of_arrays(arrays, (-2, 0, 2)).frames
    assert [float(frame.encoded_samples().max()) for frame in frames] == pytest.approx([0.15, 0.6, 1.0])
    assert [frame.white for frame in frames] == [np.inf, np.inf, 5.0]


def test_a_frame_that_passes_the_white_of_another_clips_nowhere():
    light = np.linspace(0.1, 9.0, 3 * 4000).reshape(40, 100, 3)
    arrays = [light.astype(np.float32), np.minimum(light * 4, 5.0).astype(np.float32)]
    assert [frame.white for frame in bracket_of_arrays(arrays, (0, 2)).frames] == [np.inf, 5.0]
