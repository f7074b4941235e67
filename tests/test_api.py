import numpy as np
import pytest
from PIL import Image

import hdrfuse
from hdrfuse.errors import BadInputError, BracketError, ExposureError, UsageError, WeightsError


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
        ([shot(0)], [0], BracketError, "at least 2"),
        ([shot(0), shot(1)], [0, 1, 2], BadInputError, "3 EVs for 2"),
        ([shot(0), shot(1)[:50]], [0, 1], BracketError, "96 x 72 and 96 x 50"),
        ([shot(0)[..., 0], shot(1)[..., 0]], [0, 1], BracketError, "shape"),
        ([shot(0).astype(int), shot(1).astype(int)], [0, 1], BracketError, "int64"),
        ([shot(0) / 255 * np.nan, shot(1) / 255], [0, 1], BracketError, "NaN"),
        ([shot(0), shot(1)], [0, float("nan")], ExposureError, "nan"),
        ([], [0, 1], BracketError, "no images"),
        ("nowhere", None, BracketError, "nowhere"),
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


def test_unknown_names_of_the_package_are_attribute_errors():
    with pytest.raises(AttributeError, match="fuse"):
        _ = hdrfuse.fuse
