import numpy as np
from PIL import Image

from hdrfuse.evaluation.crops import (
    CROPS,
    PREVIEW_PX,
    draw_frames,
    draw_result,
    draw_truth,
    error_map,
    find_telling_crops,
    tonemap_mu_law,
)

from .conftest import known_bracket


def test_the_first_crop_shows_what_moved():
    bracket = known_bracket(size=(300, 400), moved_px=9)
    boxes = find_telling_crops(bracket)
    assert len(boxes) == CROPS
    first = boxes[0]
    assert first.left <= 8
    assert first.top <= 8
    for box in boxes:
        assert (box.width, box.height) == (128, 128)
        assert 0 <= box.left <= 400 - 128
        assert 0 <= box.top <= 300 - 128
    apart = [(a.left - b.left, a.top - b.top) for a in boxes for b in boxes if a is not b]
    assert all(max(abs(dx), abs(dy)) >= 128 for dx, dy in apart)


def test_a_scene_smaller_than_a_crop_is_shown_whole(bracket):
    (box,) = find_telling_crops(bracket)
    assert (box.left, box.top, box.width, box.height) == (0, 0, 48, 32)


def test_pictures_are_files_of_the_sizes_that_are_promised(tmp_path, bracket):
    crops = find_telling_crops(bracket)
    truth = draw_truth(tmp_path, bracket.truth, crops)
    ours = draw_result(tmp_path, "a/b", bracket.truth * 0.5, bracket.truth, crops)
    frames = draw_frames(tmp_path, bracket)
    assert truth.error_map is None
    for path in (truth.preview, *truth.crops, ours.preview, *ours.crops, ours.error_map, *frames):
        assert Image.open(path).size == (48, 32)
    assert np.array_equal(np.asarray(Image.open(truth.crops[0])), tonemap_mu_law(bracket.truth))
    assert len(frames) == 3


def test_large_pictures_are_shrunk(tmp_path):
    wide = np.full((8, 3000, 3), 0.5, np.float32)
    assert Image.open(draw_truth(tmp_path, wide, ()).preview).width == PREVIEW_PX


def test_an_error_map_is_black_for_equal_pictures_and_brightest_at_its_white(bracket):
    assert error_map(bracket.truth, bracket.truth).max() < 5
    far = error_map(np.zeros_like(bracket.truth), np.ones_like(bracket.truth))
    assert far.min(axis=-1).min() > 100
