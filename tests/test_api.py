import numpy as np
import pytest
from PIL import Image

import hdrfuse
from hdrfuse.errors import BadInputError, BracketError, ExposureError, UsageError, WeightsError
from hdrfuse.options import MergeOptions, check_options


def shot(ev: float) -> np.ndarray:
    y, x = np.mgrid[0:72, 0:96]
    light = np.stack([0.01 + 0.9 * x / 96, 0.01 + 0.6 * y / 72, np.full((72, 96), 0.2)], -1)
    light *= np.random.default_rng(1).uniform(0.8, 1.2, (72, 96, 1))
    return np.round(np.clip(light * 2.0**ev, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for index, ev in enumerate((-2, 0, 2)):
        Image.fromarray(shot(ev)).save(tmp_path / f"{index}.png")
    return tmp_path


def test_arrays_with_exposures_merge():
    merged = hdrfuse.merge([shot(2), shot(-2), shot(0)], [2, -2, 0], response="gamma")
    assert merged.radiance.shape == (72, 96, 3)
    assert merged.radiance.dtype == np.float32
    assert merged.radiance.min() >= 0
    assert merged.ghost_map.shape == (72, 96)
    assert merged.metadata.provenance["method"] == "lfdiff"
    assert [frame.ev for frame in merged.report.frames] == [-2, 0, 2]


def test_a_folder_files_and_arrays_give_the_same_picture(folder):
    files = [folder / f"{index}.png" for index in range(3)]
    from_folder = hdrfuse.merge(str(folder), [-2, 0, 2])
    from_files = hdrfuse.merge([str(files[2]), files[0], files[1]], exposures=[2, -2, 0])
    from_arrays = hdrfuse.merge([np.asarray(Image.open(file)) for file in files], (-2, 0, 2))
    np.testing.assert_array_equal(from_folder.radiance, from_files.radiance)
    np.testing.assert_array_equal(from_folder.radiance, from_arrays.radiance)


def test_options_are_the_fields_of_merge_options(folder):
    seen = []
    merged = hdrfuse.merge(
        folder,
        [-2, 0, 2],
        reference=0,
        align=False,
        response="linear",
        progress=lambda stage, share: seen.append(share),
    )
    assert merged.report.reference == 0
    assert merged.report.response.curve == "linear"
    assert seen
    assert all(0 <= share <= 1 for share in seen)
    assert hdrfuse.MergeOptions().method == "lfdiff"
    assert isinstance(merged, hdrfuse.Merged)


def test_the_scene_is_not_changed(folder):
    before = sorted(path.name for path in folder.iterdir())
    hdrfuse.merge(folder, [-2, 0, 2])
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arrays", "exposures", "error", "match"),
    [
        ([shot(0), shot(1)], None, ExposureError, "without exposures"),
        ([shot(0)], [0], BracketError, "1 array given; a bracket needs at least 2"),
        ([shot(0), shot(1)], [0, 1, 2], BadInputError, "3 EVs for 2"),
        ([shot(0), shot(1)[:50]], [0, 1], BracketError, "96 x 72 and 96 x 50"),
        ([shot(0)[..., 0], shot(1)[..., 0]], [0, 1], BracketError, "shape"),
        ([shot(0).astype(int), shot(1).astype(int)], [0, 1], BracketError, "int64"),
        ([shot(0) / 255 * np.nan, shot(1) / 255], [0, 1], BracketError, "NaN"),
        ([shot(0), shot(1)], [0, float("nan")], ExposureError, "nan"),
        ([], [0, 1], BracketError, "no images"),
        ("nowhere", None, BracketError, "nowhere"),
        (3, None, BracketError, "int 3: a folder, image files or"),
        ([shot(0), "b.png"], [0, 1], BracketError, "item 1 is of type str"),
        (["a.png", 2], None, BracketError, "item 1 is of type int"),
        ([shot(0), shot(1)], 2, ExposureError, "exposures=2: an EV for each frame was expected"),
        ([shot(0), shot(1)], [None, 1], ExposureError, "an EV for each frame"),
        ([shot(0), shot(1)], b"12", ExposureError, "an EV for each frame"),
        ([shot(0), shot(1)], "0,bright", ExposureError, "'bright' is not an EV"),
    ],
)
def test_bad_input_is_refused(arrays, exposures, error, match):
    with pytest.raises(error, match=match):
        hdrfuse.merge(arrays, exposures)


@pytest.mark.parametrize(
    ("options", "error"),
    [({"weights": "nobody"}, WeightsError), ({"method": "magic"}, UsageError), ({"steps": 0}, UsageError),
     ({"precision": "fp8"}, UsageError), ({"colour": "red"}, TypeError)],
)  # fmt: skip
def test_bad_options_are_refused_before_anything_is_read(options, error):
    with pytest.raises(error):
        hdrfuse.merge("nowhere", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"align": "no"}, "align='no': True or False was expected"),
        ({"steps": 2.5}, "steps=2.5: a whole number was expected"),
        ({"seed": True}, "seed=True: a whole number was expected"),
        ({"tile": "auto"}, "tile='auto': a whole number or None was expected"),
        ({"response": 3}, "response=3: text or a path was expected"),
        ({"weights": ["fast"]}, "weights=['fast']: text or a path or None was expected"),
        ({"method": None}, "method=None: text was expected"),
        ({"reference": 1.5}, "reference=1.5: an index or a file's name was expected"),
        ({"progress": True}, "progress=True: a function of a stage and a share was expected"),
    ],
)
def test_an_option_of_another_type_is_refused_with_what_was_expected(options, message):
    with pytest.raises(UsageError) as caught:
        hdrfuse.merge("nowhere", **options)
    assert str(caught.value) == message


def test_exposures_may_be_text_and_numbers_numpys(folder):
    given = [-2, 0, 2]
    for exposures in ("-2,0,2", np.array(given), [str(ev) for ev in given]):
        merged = hdrfuse.merge(folder, exposures, method="classical", reference=np.int64(0), seed=np.int64(3))
        assert [frame.ev for frame in merged.report.frames] == given
        assert merged.report.reference == 0


def test_unknown_names_of_the_package_are_attribute_errors():
    with pytest.raises(AttributeError, match="fuse"):
        _ = hdrfuse.fuse


@pytest.mark.parametrize("response", ["", "."])
def test_a_response_that_is_a_folder_is_refused_by_its_option(response):
    with pytest.raises(UsageError, match=r"--response \.: is a folder; one of auto, .* or a saved curve's file"):
        check_options(MergeOptions(response=response))
