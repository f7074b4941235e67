from dataclasses import replace

import cv2
import numpy as np
import pytest

from hdrfuse.errors import BadInputError, BracketError, ImageError, UsageError
from hdrfuse.evaluation.baselines import opencv_debevec
from hdrfuse.evaluation.methods import current_name, make_method, note_on, slug
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.formats import RadianceFacts, Storage, write_image

from .conftest import known_bracket

MERGING = Protocol().merging


def written(path, radiance, **provenance):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, radiance, RadianceFacts(provenance=provenance), storage=Storage(half=False))


def test_the_reference_alone_is_right_wherever_it_is_not_clipped(bracket):
    found = make_method("reference", MERGING).merge("scene", bracket).radiance
    unclipped = (bracket.truth < 0.25).all(axis=-1)
    assert 0.2 < unclipped.mean() < 1
    np.testing.assert_allclose(found[unclipped], bracket.truth[unclipped], rtol=0.01)
    assert found.max() == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["classical", "opencv-debevec"])
def test_merges_are_in_the_unit_of_the_truth(name, bracket):
    still = replace(bracket, frames=bracket_without_motion(bracket))
    found = make_method(name, MERGING).merge("scene", still)
    assert found.seconds is not None
    assert np.median(found.radiance / bracket.truth) == pytest.approx(1, abs=0.02)


def bracket_without_motion(bracket):
    exposed = (np.clip(bracket.truth * gain, 0, 1) for gain in bracket.gains)
    return tuple(np.rint(each ** (1 / 2.2) * 65535).astype(np.uint16) for each in exposed)


def test_opencv_follows_a_camera_that_moved_where_it_is_asked_to():
    # AlignMTB begins at a 64th of the size: it takes a larger picture than the others here.
    patches = np.kron(np.random.default_rng(0).uniform(0.002, 0.06, (8, 10, 3)), np.ones((64, 64, 1)))
    bracket = replace(known_bracket(), truth=patches.astype(np.float32))
    frames = list(bracket_without_motion(bracket))
    frames[2] = np.roll(frames[2], 3, axis=1)
    moved = replace(bracket, frames=tuple(frames))
    errors = [np.abs(opencv_debevec(moved, align=align)[0] - bracket.truth)[:, 4:-4].mean() for align in (False, True)]
    assert errors[1] < 0.5 * errors[0]


def test_stated_exposures_are_taken_as_exact_by_every_merge():
    for name in ("lfdiff:network", "lfdiff", "classical"):
        options = make_method(name, MERGING).options
        assert (options.response, options.align, options.gains) == ("gamma", False, False)


def test_a_methods_name_is_what_merge_gives_and_its_network_stands_alone_beside_it():
    merged, alone = (make_method(name, MERGING).options for name in ("lfdiff", "lfdiff:network"))
    assert (merged.blend, merged.hold_white) == (True, True)
    assert (alone.blend, alone.hold_white) == (False, False)
    assert "lfdiff: what hdrfuse merge --method lfdiff gives" in make_method("lfdiff", MERGING).sentence
    assert "the network's own output" in make_method("lfdiff:network", MERGING).sentence


def test_names_that_once_meant_something_else_are_explained():
    assert [current_name(name) for name in ("lfdiff-blend", "lfdiff", "mine")] == ["lfdiff", "lfdiff", "mine"]
    assert note_on("lfdiff-blend") == "--method lfdiff-blend: is called lfdiff since hdrfuse 0.2.0"
    assert [note_on(name) for name in ("lfdiff", "lfdiff:network", "classical", "mine")] == [None] * 4


@pytest.mark.parametrize("place", ["scene.exr", "scene.hdr", "scene.tif", "scene/out.exr"])
def test_results_made_elsewhere_are_found_by_the_scenes_name(tmp_path, place, bracket):
    written(tmp_path / place, bracket.truth)
    method = make_method(str(tmp_path), MERGING)
    method.check()
    found = method.merge("scene", bracket)
    np.testing.assert_allclose(found.radiance, bracket.truth, atol=0.01 if place.endswith("hdr") else 1e-6)
    assert found.seconds is None


def test_a_result_by_merge_is_rescaled_from_the_references_white(tmp_path, bracket):
    written(tmp_path / "scene.exr", bracket.truth * 4, evs="-2.00, +0.00, +2.00")
    found = make_method(str(tmp_path), MERGING).merge("scene", bracket).radiance
    np.testing.assert_allclose(found, bracket.truth, rtol=1e-6)


def test_a_result_with_nan_is_an_error_that_names_the_file(tmp_path, bracket):
    wrong = bracket.truth.copy()
    wrong[0, 0, 0] = np.nan
    cv2.imwrite(str(tmp_path / "scene.tif"), wrong)
    with pytest.raises(ImageError, match=r"scene\.tif: 1 of .* NaN or infinite"):
        make_method(str(tmp_path), MERGING).merge("scene", bracket)


def test_results_that_cannot_be_scored_are_named(tmp_path, bracket):
    method = make_method(str(tmp_path), MERGING)
    with pytest.raises(BadInputError, match=r"other: no result of scene other; expected one of \.exr \.hdr"):
        method.identity("other")
    written(tmp_path / "small.exr", bracket.truth[:20])
    with pytest.raises(BracketError, match=r"small\.exr: 48 x 20 pixels; expected the scene's 48 x 32"):
        method.merge("small", bracket)
    cv2.imwrite(str(tmp_path / "coded.tif"), bracket.frames[1])
    with pytest.raises(ImageError, match=r"coded\.tif: uint16 pixels, display-encoded; expected linear floats"):
        method.merge("coded", bracket)
    for name in ("twice.exr", "twice.hdr"):
        written(tmp_path / name, bracket.truth)
    with pytest.raises(BadInputError, match=r"2 files \(twice\.exr, twice\.hdr\)"):
        method.merge("twice", bracket)


def test_a_method_that_is_none_names_those_there_are(tmp_path):
    with pytest.raises(UsageError, match=r"--method lfdif: lfdiff, lfdiff:network, .* or a folder of results"):
        make_method("lfdif", MERGING).check()


def test_names_become_files_that_stay_apart():
    assert slug("opencv-debevec") == "opencv-debevec"
    strange = ["../../etc", "..", "a/b", "a b", "a_b", "\N{SNOWMAN}", "", "x" * 300, "scene\n1"]
    found = [slug(name) for name in strange]
    assert len(set(found)) == len(strange)
    assert all("/" not in name and not name.startswith(".") and 0 < len(name) < 80 for name in found)
