"""Brackets of RAW files: what demosaicing makes of detail beside and under what clips is no motion."""

import cv2
import numpy as np
import pytest
from daily import daily
from shared_data import DATA

from hdrfuse.brackets.scene import find_scene
from hdrfuse.data.camera_model.sensor import mosaic
from hdrfuse.formats import read_image
from hdrfuse.imaging.bracket import read_bracket
from hdrfuse.options import MergeOptions
from hdrfuse.pipeline import merge_bracket

EVS = (-2.0, 0.0, 2.0)
HEIGHT, WIDTH = 320, 384
BALANCE = np.array([2.0, 1.0, 1.5], np.float32)
BLACK, WHITE = 64, 4095
ELECTRONS = 20_000
PHOTOGRAPHS = DATA / "hdr" / "photo"
PASSER = (slice(80, 160), slice(100, 180))


def cloth(seed):
    """Radiance (HEIGHT, WIDTH, 3), 1 = the reference's white: cloth under a warm lamp, whose threads are of any hue."""
    rng = np.random.default_rng(seed)
    threads = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH, 3)).astype(np.float32), (0, 0), 0.7)
    shared = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 0.7)[..., None]
    lamp = np.linspace(0.3, 1.0, WIDTH, dtype=np.float32)[None, :, None]
    stops = 0.6 * threads / threads.std() + 0.6 * shared / shared.std()
    return (lamp * np.exp2(stops) * np.array([0.65, 0.4, 0.05], np.float32)).astype(np.float32)


def photographed(scenes, folder, write_dng):
    """Write the scenes as RAW files, each with its exposure, a Poisson number of electrons a pixel -> the bracket."""
    for index, (scene, ev) in enumerate(zip(scenes, EVS, strict=True)):
        light = mosaic(scene * np.float32(2.0**ev) / BALANCE)
        electrons = np.random.default_rng(index).poisson(np.minimum(light, 4) * ELECTRONS)
        raw = np.rint(electrons / ELECTRONS * (WHITE - BLACK) + BLACK).clip(0, WHITE).astype(np.uint16)
        write_dng(folder / f"{index}.dng", raw)
    (folder / "exposure.txt").write_text("\n".join(map(str, EVS)))
    return read_bracket(find_scene([folder]))


def rejected(bracket):
    """(h, w) a frame, True where it is left out."""
    merged = merge_bracket(bracket, MergeOptions(method="classical", align=False))
    return [consistency < 0.5 for consistency in merged.ghosts.consistency]


@pytest.mark.parametrize("seed", daily(1, [0, 1, 2]))
def test_cloth_under_a_warm_lamp_stands_still(seed, tmp_path, write_dng):
    assert max(frame.mean() for frame in rejected(photographed([cloth(seed)] * 3, tmp_path, write_dng))) < 0.01


@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason=f"{PHOTOGRAPHS} is not there")
@pytest.mark.parametrize("name", daily(1, ["Adjuster", "Desk", "CandleGlass"]))
def test_a_lit_room_stands_still(name, tmp_path, write_dng):
    radiance = np.maximum(read_image(PHOTOGRAPHS / f"{name}.exr").pixels, 0).astype(np.float32)
    height, width = (side // 2 * 2 for side in radiance.shape[:2])
    sharp = cv2.GaussianBlur(radiance[:height, :width], (0, 0), 0.5)
    scene = sharp / np.quantile(sharp.max(axis=2), 0.97)
    assert max(frame.mean() for frame in rejected(photographed([scene] * 3, tmp_path, write_dng))) < 0.01


@pytest.mark.parametrize("frame", [0, 2])
def test_what_passes_before_it_is_found(frame, tmp_path, write_dng):
    scenes = [cloth(0) for _ in EVS]
    scenes[frame][PASSER] = np.array([0.03, 0.05, 0.03])
    moved = rejected(photographed(scenes, tmp_path, write_dng))[frame]
    assert moved[PASSER].mean() > 0.95
    assert moved.mean() < 0.1  # it covers 0.05, and ghosts grow
