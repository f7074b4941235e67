"""Frames of linear floats: renderers' light in any unit, with a plateau in the sun or without, and sensors' floats."""

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from small_network import write_network

import hdrfuse
from hdrfuse.brackets.scene import find_scene
from hdrfuse.formats import RadianceFacts, Storage, read_image, write_image
from hdrfuse.job import MergeJob
from hdrfuse.options import MergeOptions
from hdrfuse.outputs import Outputs

EVS = (-2, 0, 2)
SIZE = (120, 160)
SUN = (slice(10, 18), slice(20, 30))
SUNLIGHT = 3e5
HALF_STEP = 2.0**-11


def scene():
    """Radiance (H, W, 3) of 0.01 to 20, textured, with a sun."""
    texture = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, (*SIZE, 3)), (0, 0), 1.5)
    light = 0.01 * 2000.0 ** (np.arange(SIZE[1]) / SIZE[1])[None, :, None] * np.exp(texture)
    light[SUN] = SUNLIGHT
    return light.astype(np.float32)


def write_exr(folder, frames, dtype=np.float16):
    for ev, light in zip(EVS, frames, strict=True):
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        with OpenEXR.File(header, {"RGB": light.astype(dtype)}) as file:
            file.write(str(folder / f"a_{ev:+d}EV.exr"))
    return folder


def error_of(found, truth):
    apart = np.ones(SIZE, np.bool_)
    apart[SUN] = False
    return np.abs(found[apart] / truth[apart] - 1)


def merge(folder, **options):
    return hdrfuse.merge(folder, method="classical", align=False, **options)


def stored(folder, out, **storage):
    """Merge into a file, and return its pixels, how they are stored and the warnings."""
    outputs = Outputs(radiance=out, storage=Storage(**storage))
    options = MergeOptions(method="classical", align=False)
    report = MergeJob(scene=find_scene([folder]), outputs=outputs, options=options).run()
    with OpenEXR.File(str(out)) as file:
        dtype = file.channels()["RGB"].pixels.dtype
    return read_image(out).pixels, dtype, list(report.warnings)


@pytest.mark.parametrize("plateau", [65504.0, 1e4])
@pytest.mark.parametrize("clipped", [(0, 1, 2), (1, 2), (2,)])
def test_a_plateau_in_the_sun_does_not_darken_the_scene(tmp_path, plateau, clipped):
    frames = [scene() * 2.0**ev for ev in EVS]
    frames = [np.minimum(frame, plateau) if index in clipped else frame for index, frame in enumerate(frames)]
    write_exr(tmp_path, frames, np.float32)
    merged = merge(tmp_path)
    assert np.median(error_of(merged.radiance, scene())) < HALF_STEP
    assert merged.report.reference == 1
    assert merged.report.ghost_fraction == 0
    assert [frame.gain_ev for frame in merged.report.frames] == [0, 0, 0]
    brightest = min(SUNLIGHT, 4 * plateau) if 0 in clipped else SUNLIGHT
    np.testing.assert_allclose(merged.radiance[SUN], brightest, rtol=1e-3)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 300.0])
@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".tif"])
def test_light_without_a_white_keeps_its_unit(tmp_path, unit, suffix):
    light = scene() * np.float32(unit)
    light[SUN] = light[:8, 50:60]
    for ev in EVS:
        write_image(
            tmp_path / f"a_{ev:+d}EV{suffix}", light * np.float32(2.0**ev), RadianceFacts(), storage=Storage(half=False)
        )
    merged = merge(tmp_path)
    assert np.median(error_of(merged.radiance, light)) < (2**-8 if suffix == ".hdr" else HALF_STEP)  # RGBE has 8 bits
    assert merged.report.reference == 1
    assert [frame.gain_ev for frame in merged.report.frames] == pytest.approx([0, 0, 0], abs=0.01)


@pytest.mark.parametrize("white", [4.0, 16383.0])
def test_a_sensor_s_white_is_1_in_all_frames_whether_they_reach_it_or_not(tmp_path, white):
    light = np.minimum(scene(), 20.0) / 10
    for ev in EVS:
        frame = np.minimum(light * np.float32(2.0**ev), 1) * np.float32(white)
        tifffile.imwrite(tmp_path / f"a_{ev:+d}EV.tif", frame, photometric="rgb")
    merged = merge(tmp_path, reference=1)
    assert np.median(error_of(merged.radiance, light)) < HALF_STEP
    assert np.percentile(error_of(merged.radiance, light), 99) < 0.02
    assert merged.report.ghost_fraction < 0.01


def test_half_keeps_the_scene_and_its_precision(tmp_path):
    folder = tmp_path / "sun"
    folder.mkdir()
    write_exr(folder, [np.minimum(scene() * 2.0**ev, 65504) for ev in EVS])
    as_float, *_ = stored(folder, tmp_path / "float.exr", half=False)
    as_half, dtype, warnings = stored(folder, tmp_path / "half.exr", half=True)
    assert dtype == np.float16
    assert warnings == ["half.exr: highlights reach 2.62e+05, and half ends at 65504: --half loses that"]
    assert error_of(as_half, as_float).max() < HALF_STEP
    by_default, dtype, warnings = stored(folder, tmp_path / "default.exr")
    assert dtype == np.float32
    assert warnings == ["default.exr: highlights reach 2.62e+05, and half ends at 65504: stored as float"]
    np.testing.assert_array_equal(by_default, as_float)


def test_light_below_what_half_resolves_is_stored_as_float_with_a_warning(tmp_path):
    folder = tmp_path / "dim"
    folder.mkdir()
    write_exr(folder, [np.minimum(scene(), 20) * 1e-7 * 2.0**ev for ev in EVS], np.float32)
    found, dtype, (warning,) = stored(folder, tmp_path / "dim.exr")
    assert dtype == np.float32
    assert "of the picture is below 6.1e-05, where half is coarse: stored as float" in warning
    assert np.median(error_of(found, scene() * 1e-7)) < HALF_STEP


def test_an_ordinary_picture_is_stored_as_half_without_a_warning(tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    write_exr(folder, [np.minimum(scene(), 20) * 2.0**ev for ev in EVS])
    _, dtype, warnings = stored(folder, tmp_path / "plain.exr")
    assert dtype == np.float16
    assert warnings == []


def test_scene_referred_light_of_any_unit_is_registered(tmp_path):
    big = cv2.resize(scene(), (480, 360), interpolation=cv2.INTER_CUBIC).clip(0.005, 20) * 1000
    moved = [np.roll(big, (3 * index, -2 * index), (0, 1))[20:-20, 20:-20] for index in range(3)]
    write_exr(tmp_path, [frame * np.float32(2.0**ev) for frame, ev in zip(moved, EVS, strict=True)], np.float32)
    merged = hdrfuse.merge(tmp_path, method="classical", reference=1)
    shifts = [frame.shift_px for frame in merged.report.frames]
    assert shifts == pytest.approx([np.hypot(3, 2), 0, np.hypot(3, 2)], abs=0.2)


@pytest.mark.parametrize("plateau", [np.inf, 65504.0])
def test_the_network_does_not_dim_light_above_its_white(tmp_path, plateau):
    folder = tmp_path / "sun"
    folder.mkdir()
    write_exr(folder, [np.minimum(scene() * 2.0**ev, plateau) for ev in EVS], np.float32)
    weights = write_network(tmp_path / "small.safetensors", progress={"scores": [{"typical_error": 0.0126}]})
    merged = hdrfuse.merge(folder, weights=weights, align=False)
    assert merged.radiance[SUN].min() > 0.99 * min(SUNLIGHT, 4 * plateau)


def test_a_sun_that_moves_with_the_hand_contradicts_no_exposure(tmp_path):
    frames = [np.minimum(np.roll(scene(), 9 * index, 1) * 2.0**ev, 65504) for index, ev in enumerate(EVS)]
    write_exr(tmp_path, frames)
    assert not [warning for warning in merge(tmp_path).report.warnings if "its exposure (" in warning]
