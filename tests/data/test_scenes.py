import cv2
import numpy as np
import public_sets
import pytest
import tifffile
from PIL import Image

from hdrfuse.data.scenes import DATASETS, open_dataset
from hdrfuse.errors import BadInputError, BracketError, ExposureError, ImageError, UsageError

WITH_TRUTH = list(public_sets.LAYOUTS)


def message_of(kind, *arguments):
    with pytest.raises(kind) as caught:
        open_dataset(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("split", public_sets.SPLITS)
@pytest.mark.parametrize("name", WITH_TRUTH)
def test_every_layout_is_read_as_it_was_written(tmp_path, name, split):
    written = public_sets.write_set(tmp_path, name, split=public_sets.SPLITS[split])
    dataset = open_dataset(name, tmp_path, split)
    assert [scene.name for scene in dataset.scenes] == list(written)
    for scene in dataset.scenes:
        sample = scene.read()
        assert scene.evs == public_sets.EVS
        assert sample.exposure.tolist() == [1, 4, 16]
        assert sample.exposure.dtype == sample.ldr.dtype == sample.radiance.dtype == np.float32
        assert np.array_equal(sample.ldr, written[scene.name].ldr)
        assert np.array_equal(sample.radiance, written[scene.name].radiance)


def test_frames_named_by_their_exposure_are_short_reference_long(tmp_path):
    written = public_sets.write_scene(tmp_path, *public_sets.kalantari_by_name("Test", "001"))
    (scene,) = open_dataset("kalantari", tmp_path).scenes
    assert [path.stem for path in scene.frames] == ["short", "medium", "long"]
    assert np.array_equal(scene.read_frames(), written.ldr)


def test_frames_are_in_natural_order_of_their_names(tmp_path):
    frames = [f"Test/001/DSC_{number}.tif" for number in (9, 10, 11)]
    public_sets.write_scene(tmp_path, frames, *public_sets.in_folder("Test", "001"))
    (scene,) = open_dataset("kalantari", tmp_path).scenes
    assert [path.stem for path in scene.frames] == ["DSC_9", "DSC_10", "DSC_11"]


def test_the_original_test_folders_paper_and_extra_are_one_split(tmp_path):
    public_sets.write_set(tmp_path, "kalantari", split="Test/PAPER", scenes=["BarbequeDay"])
    public_sets.write_set(tmp_path, "kalantari", split="Test/EXTRA", scenes=["010", "001"])
    dataset = open_dataset("kalantari", tmp_path)
    assert [scene.name for scene in dataset.scenes] == ["001", "010", "BarbequeDay"]
    assert [scene.read().ldr.shape for scene in dataset.scenes] == [(3, 24, 40, 3)] * 3


def test_a_scene_that_lies_in_two_folders_is_named(tmp_path):
    for split in ("Test", "Test/EXTRA"):
        public_sets.write_set(tmp_path, "kalantari", split=split, scenes=["001"])
    message = message_of(BadInputError, "kalantari", tmp_path)
    assert str(tmp_path / "Test" / "EXTRA" / "001") in message
    assert "expected each scene once" in message


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_letter_case_is_forgiven(tmp_path, name):
    written = public_sets.write_set(tmp_path, name)
    for path in sorted((path for path in tmp_path.rglob("*") if path.is_file()), reverse=True):
        path.rename(path.with_name(path.name.swapcase()))
    (tmp_path / "Test").rename(tmp_path / "test")
    scene = open_dataset(name, tmp_path).scenes[0]
    assert np.array_equal(scene.read().radiance, written[scene.name].radiance)


def test_letter_case_of_paper_is_forgiven(tmp_path):
    public_sets.write_set(tmp_path, "kalantari", split="TEST/Paper")
    assert len(open_dataset("kalantari", tmp_path).scenes) == 2


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_what_systems_leave_behind_is_ignored(tmp_path, name):
    written = public_sets.write_set(tmp_path, name)
    folders = [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]
    for folder in folders:
        for junk in (".DS_Store", "Thumbs.db", "._262A0898.tif", "._HDRImg.hdr", "desktop.ini"):
            (folder / junk).write_bytes(b"junk")
        (folder / "__MACOSX").mkdir()
        (folder / ".thumbnails").mkdir()
    assert [scene.name for scene in open_dataset(name, tmp_path).scenes] == list(written)


@pytest.mark.parametrize("text", [" -2.00 \n\n0\t\n\n 2\n\n", "\ufeff-2\r\n0.0\r\n2.00\r\n", "-2\n0\n+2"])
def test_blank_lines_and_spaces_between_exposures_are_tolerated(tmp_path, text):
    public_sets.write_set(tmp_path, "tel")
    (tmp_path / "Test" / "scene_0007_2" / "exposure.txt").write_text(text, encoding="utf-8", newline="")
    assert open_dataset("tel", tmp_path).scenes[0].evs == (-2.0, 0.0, 2.0)


def test_exposures_of_fractions_become_relative_to_the_shortest(tmp_path):
    public_sets.write_set(tmp_path, "tel")
    (tmp_path / "Test" / "scene_0007_2" / "exposure.txt").write_text("-0.67\n0.67\n2")
    scene = open_dataset("tel", tmp_path).scenes[0]
    np.testing.assert_allclose(scene.exposure, [1, 2**1.34, 2**2.67], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-2\n\n0 EV\n2\n", "line 3: '0 EV' is not an EV"),
        ("-2 0 2\n", "line 1: '-2 0 2' is not an EV"),
        ("-2\nnan\n2\n", "line 2: nan is not an EV"),
        ("-2\n0,5\n2\n", "line 2: '0,5' is not an EV"),
        ("-2\n0\n", "2 EVs for 3 images"),
        ("", "0 EVs for 3 images"),
        ("2\n0\n-2\n", "expected EVs that rise from short to long"),
        ("0\n0\n2\n", "expected EVs that rise from short to long"),
    ],
)
def test_exposures_that_are_none_are_named_by_file_and_line(tmp_path, text, said):
    public_sets.write_set(tmp_path, "hu")
    file = tmp_path / "Test" / "087" / "input_exp.txt"
    file.write_text(text)
    message = message_of(ExposureError, "hu", tmp_path)
    assert str(file) in message
    assert said in message


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_each_missing_file_is_named_with_what_was_expected(tmp_path, name):
    public_sets.write_set(tmp_path, name)
    scene = public_sets.SCENES[name][1]
    frames, exposures, truth = public_sets.LAYOUTS[name]("Test", scene)
    expected = {exposures: "its exposures", truth: "its ground truth"}
    if name != "kalantari":
        expected |= dict(zip(frames, ("its short frame", "its reference frame", "its long frame"), strict=True))
    for path, what in expected.items():
        kept = (tmp_path / path).read_bytes()
        (tmp_path / path).unlink()
        message = message_of(BadInputError, name, tmp_path)
        assert str(tmp_path / path) in message
        assert what in message
        (tmp_path / path).write_bytes(kept)


def test_a_missing_folder_of_a_scene_in_several_is_named(tmp_path):
    public_sets.write_set(tmp_path, "challenge123")
    for path in sorted((tmp_path / "Test" / "011_3").rglob("*")):
        path.unlink()
    (tmp_path / "Test" / "011_3").rmdir()
    assert str(tmp_path / "Test" / "011_3" / "ldr_img_3.tif") in message_of(BadInputError, "challenge123", tmp_path)


def test_other_than_three_frames_are_counted_and_named(tmp_path):
    public_sets.write_set(tmp_path, "kalantari")
    folder = tmp_path / "Test" / "001"
    (folder / "262A0899.tif").unlink()
    message = message_of(BracketError, "kalantari", tmp_path)
    assert f"{folder}: 2 .tif files (262A0898.tif, 262A0900.tif); expected three" in message
    for number in (1, 2):
        (folder / f"{number}.tif").write_bytes(b"II*\0")
    assert "4 .tif files" in message_of(BracketError, "kalantari", tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_a_missing_folder_is_named(tmp_path, name):
    message = message_of(BadInputError, name, tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in message
    assert name in message
    assert "nothing is downloaded" in message


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_a_missing_split_is_named(tmp_path, name):
    public_sets.write_set(tmp_path, name, split="Test")
    message = message_of(BadInputError, name, tmp_path, "training")
    assert message == f"{tmp_path}: no folder Training for {name} in it; found Test"


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_a_split_without_scenes_is_named(tmp_path, name):
    (tmp_path / "Training").mkdir()
    assert f"{tmp_path / 'Training'}: no scenes in it" in message_of(BadInputError, name, tmp_path, "training")


def test_an_unknown_set_is_refused_with_the_known_ones(tmp_path):
    message = message_of(UsageError, "kalantary", tmp_path)
    assert all(name in message for name in ("kalantary", *DATASETS))


def test_a_part_of_a_set_is_counted_against_the_published_one(tmp_path):
    public_sets.write_set(tmp_path, "hu")
    assert open_dataset("hu", tmp_path).warnings == (f"{tmp_path / 'Test'}: 2 scenes; the published set has 15",)
    public_sets.write_set(tmp_path, "hu", scenes=[f"{number:03d}" for number in range(86, 101)], size=(4, 4))
    assert open_dataset("hu", tmp_path).warnings == ()


def test_listing_decodes_no_picture(tmp_path):
    public_sets.write_set(tmp_path, "hu")
    for path in [*tmp_path.rglob("*.tif"), *tmp_path.rglob("*.hdr")]:
        path.write_bytes(b"")
    assert len(open_dataset("hu", tmp_path).scenes) == 2


@pytest.mark.parametrize("damaged", ["input_2.tif", "HDRImg.hdr"])
def test_a_truncated_picture_is_an_error_where_a_scene_is_read(tmp_path, damaged):
    public_sets.write_set(tmp_path, "tel")
    scene = open_dataset("tel", tmp_path).scenes[1]
    path = tmp_path / "Test" / scene.name / damaged
    public_sets.truncate(path)
    with pytest.raises(ImageError, match=rf"^{path}: "):
        scene.read()


def test_frames_of_another_size_are_named(tmp_path):
    public_sets.write_set(tmp_path, "tel", size=(24, 40))
    scene = open_dataset("tel", tmp_path).scenes[0]
    tifffile.imwrite(scene.frames[2], np.zeros((24, 41, 3), np.uint16), photometric="rgb")
    with pytest.raises(BracketError, match=r"input_3\.tif: 41 x 24 pixels; expected 40 x 24 as input_1\.tif"):
        scene.read()


def test_ground_truth_of_another_size_is_named(tmp_path):
    public_sets.write_set(tmp_path, "tel", size=(24, 40))
    scene = open_dataset("tel", tmp_path).scenes[0]
    cv2.imwrite(str(scene.truth), np.ones((40, 24, 3), np.float32))
    with pytest.raises(
        BracketError, match=r"HDRImg\.hdr: ground truth of 24 x 40 pixels; expected the frames' 40 x 24"
    ):
        scene.read()


@pytest.mark.parametrize(
    ("pixels", "photometric", "said"),
    [
        (np.zeros((24, 40), np.uint16), "minisblack", "is grey"),
        (np.zeros((24, 40, 3), np.float32), "rgb", "is float32"),
    ],
)
def test_frames_that_are_not_rgb_of_8_or_16_bits_are_refused(tmp_path, pixels, photometric, said):
    public_sets.write_set(tmp_path, "tel")
    scene = open_dataset("tel", tmp_path).scenes[0]
    tifffile.imwrite(scene.frames[0], pixels, photometric=photometric)
    with pytest.raises(BracketError, match=rf"input_1\.tif: {said}; expected RGB of 8 or 16 bits"):
        scene.read()


def test_ground_truth_above_white_is_left_as_it_is(tmp_path):
    written = public_sets.write_set(tmp_path, "tel")
    scene = open_dataset("tel", tmp_path).scenes[0]
    cv2.imwrite(str(scene.truth), 8 * written[scene.name].radiance[..., ::-1])
    assert np.array_equal(scene.read().radiance, 8 * written[scene.name].radiance)


@pytest.fixture(params=["sen", "tursun"])
def pictures(request, tmp_path):
    rng = np.random.default_rng(0)
    for scene, evs in {"cafe": (0, -2, 2), "walk": (-4, -3, -2, -1, 0, 1, 2, 3, 4)}.items():
        (tmp_path / scene).mkdir()
        for number, _ in enumerate(evs):
            pixels = rng.integers(0, 256, (10, 12, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / scene / f"img{number + 1}.png")
        (tmp_path / scene / "exposure.txt").write_text("\n".join(map(str, evs)))
    (tmp_path / "Thumbs.db").write_bytes(b"junk")
    return request.param, tmp_path


def test_pictures_without_ground_truth_have_any_number_of_frames_by_exposure(pictures):
    name, folder = pictures
    cafe, walk = open_dataset(name, folder).scenes
    assert [path.stem for path in cafe.frames] == ["img2", "img1", "img3"]
    assert cafe.evs == (-2.0, 0.0, 2.0)
    assert len(walk.frames) == 9
    assert walk.exposure.tolist() == [2.0**k for k in range(9)]
    assert np.array_equal(walk.read_frames()[4], np.asarray(Image.open(walk.frames[4]), np.float32) / np.float32(255))
    assert walk.truth is None


def test_pictures_without_ground_truth_neither_train_nor_score(pictures):
    name, folder = pictures
    assert "no ground truth to train on" in message_of(BadInputError, name, folder, "training")
    with pytest.raises(BadInputError, match="scene cafe has no ground truth"):
        open_dataset(name, folder).scenes[0].read_truth()


def test_pictures_without_exposures_are_named(pictures):
    name, folder = pictures
    (folder / "walk" / "exposure.txt").unlink()
    message = message_of(ExposureError, name, folder)
    assert str(folder / "walk") in message
    assert "exposure.txt" in message


def test_a_folder_of_loose_pictures_is_no_set(pictures):
    name, folder = pictures
    assert "a folder of pictures for each" in message_of(BadInputError, name, folder / "walk")


def test_a_folder_that_the_system_refuses_is_named(tmp_path):
    assert "x" * 300 in message_of(BadInputError, "hu", tmp_path / ("x" * 300))
