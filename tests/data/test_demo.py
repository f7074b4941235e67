import exifread
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from hdrfuse.data.demo import write_demo
from hdrfuse.errors import OutputError


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo") / "new" / "folder")


def read_truth(path):
    with OpenEXR.File(str(path)) as file:
        return file.channels()["RGB"].pixels.copy()


def test_the_folder_holds_three_frames_and_the_ground_truth_and_nothing_else(demo):
    names = {path.name for path in demo.frames[0].parent.iterdir()}
    assert names == {"demo-1.jpg", "demo-2.jpg", "demo-3.jpg", "truth.gt.exr", "moving.gt.png"}


def test_exif_tells_exposures_two_stops_apart_and_when_and_by_what(demo):
    evs, moments = [], []
    for path in demo.frames:
        with path.open("rb") as file:
            tags = exifread.process_file(file, details=False)
        time_s, f_number = (float(tags[f"EXIF {tag}"].values[0]) for tag in ("ExposureTime", "FNumber"))
        evs.append(np.log2(time_s * tags["EXIF ISOSpeedRatings"].values[0] / f_number**2))
        moments.append(str(tags["EXIF DateTimeOriginal"]))
        assert str(tags["Image Model"]) == "hdrfuse demo"
    np.testing.assert_allclose(np.diff(evs), 2)
    assert moments == sorted(set(moments))


def test_frames_are_8_bit_pictures_of_a_scene_that_clips_in_the_reference_but_not_in_the_shortest(demo):
    shortest, reference, longest = (np.asarray(Image.open(path)) for path in demo.frames)
    assert shortest.shape == reference.shape == longest.shape == (800, 1200, 3)
    assert reference.dtype == np.uint8
    clipped = [(frame.max(-1) == 255).mean() for frame in (shortest, reference, longest)]
    assert clipped[0] < 0.03 < clipped[1] < 0.2 < clipped[2]


def test_the_truth_is_in_units_of_the_references_white(demo):
    truth = read_truth(demo.truth)
    reference = np.asarray(Image.open(demo.frames[1])).max(-1)
    assert truth.shape == (800, 1200, 3)
    assert 3.9 < truth.max() <= 4
    peak = truth.max(-1)
    assert np.median(peak[reference == 255]) > 1
    assert (peak[reference < 250] < 1.05).mean() > 0.999


def test_something_large_moves_in_front_of_the_clipped_window(demo):
    moving = np.asarray(Image.open(demo.moving)).max(-1) > 0
    clipped = np.asarray(Image.open(demo.frames[1])).min(-1) == 255
    assert 0.05 < moving.mean() < 0.3
    assert (moving & clipped).sum() > 2000


@pytest.mark.slow
def test_existing_files_are_replaced_only_when_told_to_and_with_the_same_bytes(demo, tmp_path):
    old = tmp_path / "truth.gt.exr"
    old.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"truth\.gt\.exr: exists"):
        write_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["truth.gt.exr"]
    assert old.read_bytes() == b"mine"
    again = write_demo(tmp_path, overwrite=True)
    assert again.truth == old
    assert np.array_equal(read_truth(old), read_truth(demo.truth))
    for path, same in zip(demo.frames, again.frames, strict=True):
        assert path.read_bytes() == same.read_bytes()


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        write_demo(tmp_path / "taken" / "demo")


@pytest.mark.slow
def test_another_seed_gives_another_bracket(demo, tmp_path):
    other = write_demo(tmp_path / "other", seed=1)
    for path, different in zip(demo.frames, other.frames, strict=True):
        assert path.read_bytes() != different.read_bytes()
