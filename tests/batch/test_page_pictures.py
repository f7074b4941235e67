"""The page's pictures: both sides of the slider show one scene under one tone curve."""

import numpy as np
import pytest
from PIL import Image

import hdrfuse
from hdrfuse.batch.page_pictures import PagePictures, draw_slides
from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.imaging.merging.no_deghosting import merge_without_deghosting


def merged(motion, size=(160, 120)):
    bracket = procedural_bracket(3, motion=motion, size=size, evs=(-2.0, 0.0, 2.0))
    return hdrfuse.merge(bracket.frames, bracket.evs, reference=1, method="classical")


@pytest.fixture
def places(tmp_path):
    return PagePictures.of(tmp_path, "beach.v2")


def written(found, places):
    for path, slide in draw_slides(found, places, tonemap="reinhard").items():
        slide.write(path)
    return [np.asarray(Image.open(path), np.float64) for path in (places.before, places.after, places.ghosts)]


def test_before_and_after_differ_where_something_moved_and_agree_elsewhere(places):
    found = merged("moving")
    before, after, ghosts = written(found, places)
    assert before.shape == after.shape == (120, 160, 3)
    assert ghosts.shape[1] == 160
    difference = np.abs(before - after).mean(axis=2)
    moved = found.ghost_map > 0.5
    assert difference[moved].mean() > 3 * difference[~moved].mean()
    assert abs(before[~moved].mean() - after[~moved].mean()) < 4


def test_a_static_scene_merges_plainly_to_about_the_same(places):
    found = merged("static")
    plain = merge_without_deghosting(list(found.frames))
    known = found.radiance.max(axis=2) < 3.0  # of the reference's white; the darkest frame's lies at 4
    assert np.median(np.abs(plain - found.radiance)[known] / (found.radiance[known] + 0.01)) < 0.05


def test_large_frames_are_shown_small(places):
    before, after, _ = written(merged("static", size=(1100, 70)), places)
    assert before.shape == after.shape == (35, 550, 3)


def test_a_folder_that_is_gone_costs_no_scene(tmp_path):
    written_to = PagePictures.of(tmp_path / "nowhere", "beach")
    for path, slide in draw_slides(merged("static"), written_to, tonemap="drago").items():
        slide.write(path)
        assert not path.exists()
