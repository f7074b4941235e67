import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hdrfuse.data.contact_sheet import contact_sheet
from hdrfuse.data.degradation import CalibrationError, Sensor, capture, random_registration, raw_sensor, store_and_read
from hdrfuse.data.layers import Layer, blur_by_motion, random_layer
from hdrfuse.data.library import LARGEST, MEDIAN, ImageLibrary, linear_cutout, linear_texture, pack
from hdrfuse.data.light import relight, saturated_colour
from hdrfuse.data.splits import split_of
from hdrfuse.data.synthetic import SyntheticBrackets, expose_by_percentile, hide_borders, random_ev_offsets
from hdrfuse.data.views import random_view
from hdrfuse.errors import BadInputError
from hdrfuse.imaging.radiometry import NoiseModel

PERFECT = Sensor(noise=NoiseModel(shot=0, read=0), grain_px=0, bits=16, storage_gamma=2.2, jpeg_quality=None)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("library")
    cutout = np.zeros((40, 60, 4), np.float32)
    cutout[5:35, 5:55] = [0.3, 0.2, 0.1, 1]
    pack(
        [
            ("sky", "panorama", np.exp(rng.normal(0, 2, (64, 128, 3))).astype(np.float32)),
            ("street", "photograph", np.exp(rng.normal(0, 1, (90, 70, 3))).astype(np.float32)),
            ("cat", "cutout", cutout),
        ],
        folder,
    )
    return ImageLibrary(folder)


def test_the_same_seed_and_index_give_the_same_sample(library):
    brackets = SyntheticBrackets(library=library, size=48, seed=3)
    one, again, other = brackets[5], brackets[5], brackets[6]
    assert np.array_equal(one.ldr, again.ldr)
    assert np.array_equal(one.radiance, again.radiance)
    assert not np.array_equal(one.radiance, other.radiance)


@pytest.mark.parametrize("index", range(30))
def test_a_sample_is_finite_within_range_and_counts_exposures_from_the_shortest(library, index):
    sample = SyntheticBrackets(library=library, size=48, seed=1)[index]
    assert sample.ldr.shape == (3, 48, 48, 3)
    assert sample.radiance.shape == (48, 48, 3)
    assert {sample.ldr.dtype, sample.radiance.dtype, sample.exposure.dtype} == {np.dtype(np.float32)}
    for values in (sample.ldr, sample.radiance):
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1
    assert sample.exposure[0] == 1 or sample.exposure[0] == sample.exposure[1]
    assert (np.diff(sample.exposure) >= 0).all()


def test_the_truth_agrees_with_the_reference_where_it_neither_clips_nor_drowns_in_noise(library):
    differences = []
    for index in range(120):
        sample = SyntheticBrackets(library=library, size=48, seed=2)[index]
        reference = sample.ldr[1] ** 2.2 / sample.exposure[1]
        exposed = (sample.ldr[1] > 0.4) & (sample.ldr[1] < 0.95)
        differences.append(np.median(np.abs(np.log2(reference[exposed] / sample.radiance[exposed]))))
    assert np.nanmedian(differences) < 0.05


def test_most_references_are_off_by_less_than_a_level_of_eight_bits_and_many_by_more(library):
    errors = []
    for index in range(120):
        sample = SyntheticBrackets(library=library, size=48, seed=2)[index]
        true = (sample.radiance * sample.exposure[1]) ** (1 / 2.2)
        exposed = (sample.ldr[1] > 0.1) & (sample.ldr[1] < 0.9) & (true < 0.95)
        errors.append(np.sqrt(np.mean((sample.ldr[1] - true)[exposed] ** 2)))
    assert 0.5 < np.mean(np.array(errors) < 0.7 / 255) < 0.75  # a third by chance, all from careful photographers


def test_a_scene_is_exposed_so_that_a_percentile_reaches_half_the_white():
    rng = np.random.default_rng(0)
    view = np.exp(rng.normal(0, 2, (64, 64, 3))).astype(np.float32)
    for _ in range(20):
        exposed = expose_by_percentile(rng, view)
        assert np.percentile(exposed.mean(-1), 50) < 1.1
        assert np.percentile(exposed.max(-1), 97) > 0.45


def test_exposures_are_one_to_three_stops_apart_and_sometimes_uneven():
    offsets = [random_ev_offsets(np.random.default_rng(i)) for i in range(200)]
    steps = np.diff(offsets, axis=1)
    assert steps.min() >= 0.7
    assert steps.max() <= 3.3
    assert 0.1 < np.mean(np.abs(steps[:, 0] - steps[:, 1]) > 0.01) < 0.6


def test_a_perfect_camera_returns_what_was_exposed():
    scene = np.random.default_rng(0).random((16, 16, 3), np.float32) * 1.5
    linear = capture(np.random.default_rng(1), scene, PERFECT)
    np.testing.assert_allclose(linear, np.minimum(scene, 1), atol=1e-4)


def test_noise_has_the_variance_that_the_sensor_states():
    noise = NoiseModel(shot=1e-4, read=1e-5)
    noisy = Sensor(noise=noise, grain_px=0, bits=16, storage_gamma=1, jpeg_quality=None)
    flat = np.full((200, 200, 3), 0.5, np.float32)
    error = capture(np.random.default_rng(0), flat, noisy) - flat
    assert np.var(error) == pytest.approx(0.5e-4 + 1e-5, rel=0.05)


def test_a_raw_file_at_a_low_iso_is_off_by_less_than_a_level_of_eight_bits():
    scene = np.full((32, 32, 3), 0.5, np.float32)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        encoded = capture(rng, scene, raw_sensor(rng)) ** (1 / 2.2)
        assert np.std(encoded) < 1 / 255


def test_eight_bits_leave_256_values():
    signal = np.linspace(0, 1, 3000, dtype=np.float32).reshape(10, 100, 3)
    eight = Sensor(noise=NoiseModel(shot=0, read=0), grain_px=0, bits=8, storage_gamma=2.2, jpeg_quality=None)
    codes = store_and_read(signal, eight) ** (1 / 2.2) * 255
    np.testing.assert_allclose(codes, np.round(signal ** (1 / 2.2) * 255), atol=1e-2)


def test_calibration_errors_stay_within_a_sixth_of_a_stop_and_keep_black_and_white():
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[:, None, None].repeat(3, 2)
    distorted = CalibrationError(gain=0.05, slope=0.05, wave=0.05).apply(ramp)
    assert distorted[0].max() == 0
    assert distorted[-1].min() == 1
    assert np.abs(np.log2(distorted[1:-8] / ramp[1:-8])).max() < 1 / 6


def test_a_perfectly_registered_frame_lies_on_the_reference():
    rng = np.random.default_rng(4)
    smooth = cv2.GaussianBlur(rng.random((64, 64, 3), np.float32), (0, 0), 3)
    registration = random_registration(rng, 64)
    perfect = type(registration)(true=registration.true, estimated=registration.true, interpolation=cv2.INTER_LINEAR)
    back = perfect.undone(perfect.displaced(smooth))
    np.testing.assert_allclose(back[8:-8, 8:-8], smooth[8:-8, 8:-8], atol=0.01)


def test_motion_blur_spreads_a_point_along_its_path_and_keeps_its_light():
    point = np.zeros((41, 41, 1), np.float32)
    point[20, 20] = 1
    blurred = blur_by_motion(np.dstack([point] * 4), np.array([12.0, 0.0]))[..., 0]
    assert blurred.sum() == pytest.approx(1, abs=1e-3)
    columns = np.flatnonzero(blurred.sum(0) > 0.01)
    assert 11 <= columns[-1] - columns[0] <= 14
    assert np.flatnonzero(blurred.sum(1) > 1e-3).tolist() == [20]


def test_a_layer_moves_with_its_velocity():
    sprite = np.zeros((9, 9, 4), np.float32)
    sprite[2:7, 2:7] = 1
    layer = Layer(
        sprite=sprite,
        centre=(20, 30),
        velocity=(10, -5),
        angle_deg=0,
        spin_deg=0,
        bending_px=0,
        bending_seed=0,
    )
    for frame_time, middle in ((0, (20, 30)), (1, (30, 25)), (-1, (10, 35))):
        y, x = np.nonzero(layer.render(64, frame_time, 0)[..., 3] > 0.5)
        assert (x.mean(), y.mean()) == pytest.approx(middle, abs=0.6)


def test_coverage_of_random_layers_is_between_none_and_all(library):
    for seed in range(40):
        layer = random_layer(np.random.default_rng(seed), library, 48)
        rendered = layer.render(48, 0, 0.3)
        assert rendered.min() >= 0
        assert rendered[..., 3].max() <= 1 + 1e-5
        assert not layer.is_shadow or rendered[..., :3].max() == 0


def test_many_layers_pass_in_front_of_what_the_reference_clips(library):
    def share_over(clipped):
        layers = [random_layer(np.random.default_rng(seed), library, 96, clipped) for seed in range(100)]
        covered = [max(layer.render(96, time, 0)[5, 5, 3] for time in (-1, 0, 1)) > 0.5 for layer in layers]
        return np.mean(covered)

    assert share_over(np.array([[5, 5]])) > share_over(None) + 0.1


def test_beyond_a_hidden_border_the_side_frames_repeat_the_reference():
    reference = np.linspace(0, 1, 48 * 48 * 3, dtype=np.float32).reshape(48, 48, 3)
    ev = np.array([-2.0, 0.0, 1.0])
    for seed in range(20):
        ldr = [np.full_like(reference, -1), reference, np.full_like(reference, -1)]
        hide_borders(np.random.default_rng(seed), ldr, ev)
        for side in (0, 2):
            beyond = ldr[side] >= 0
            rows, columns = beyond.all(axis=(1, 2)), beyond.all(axis=(0, 2))
            assert 2 <= max(rows.sum() % 48, columns.sum() % 48) <= 16
            assert rows[0] or rows[-1] or columns[0] or columns[-1]
            again = np.minimum(reference**2.2 * 2 ** ev[side], 1) ** (1 / 2.2)
            np.testing.assert_allclose(ldr[side][beyond], again[beyond], atol=1e-5)


@pytest.mark.parametrize("name", ["sky", "street"])
def test_views_are_square_finite_and_never_negative(library, name):
    image = next(image for image in library.images if image.name == name)
    for seed in range(20):
        view = random_view(np.random.default_rng(seed), library, image, 40)
        assert view.shape == (40, 40, 3)
        assert np.isfinite(view).all()
        assert view.min() >= 0


def test_stage_light_saturates_a_grey_scene():
    rng = np.random.default_rng(0)
    weakest = [saturated_colour(rng).min() for _ in range(200)]
    assert min(weakest) < 0.02
    ratios = [relight(np.random.default_rng(i), np.ones((8, 8, 3), np.float32)) for i in range(100)]
    assert max(float((r.max(-1) / r.min(-1)).max()) for r in ratios) > 10


def test_a_packed_image_keeps_its_colours_and_goes_on_around_the_seam(tmp_path):
    rng = np.random.default_rng(0)
    linear = np.exp(rng.normal(0, 3, (20, 40, 3))).astype(np.float32)
    pack([("pano", "panorama", linear)], tmp_path)
    library = ImageLibrary(tmp_path)
    (image,) = library.of_kind("panorama")
    whole = library.half(image).astype(np.float32)
    luminance = whole @ np.array([0.2126, 0.7152, 0.0722])
    assert np.median(luminance) == pytest.approx(MEDIAN, rel=0.01)
    scale = whole.sum() / linear.sum()
    np.testing.assert_allclose(whole, linear * scale, rtol=0.01, atol=1e-6)
    seam = library.crop(image, 5, 35, 10, 10)
    np.testing.assert_array_equal(seam, np.roll(whole, -35, axis=1)[5:15, :10])


def test_packing_limits_what_half_precision_cannot_hold(tmp_path):
    sun = np.full((10, 10, 3), 1e-3, np.float32)
    sun[0, 0] = 1e9
    pack([("sun", "photograph", sun)], tmp_path)
    library = ImageLibrary(tmp_path)
    assert library.half(library.images[0]).max() == np.float16(LARGEST)


def test_a_folder_without_packed_images_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"library\.json"):
        ImageLibrary(tmp_path)


def test_a_cutout_is_cropped_to_what_it_shows_and_premultiplied(tmp_path):
    rgba = np.zeros((50, 80, 4), np.uint8)
    rgba[10:30, 20:60] = [255, 0, 0, 128]
    cv2.imwrite(str(tmp_path / "cat.png"), rgba)
    cutout = linear_cutout(tmp_path / "cat.png")
    assert cutout.shape == (20, 40, 4)
    np.testing.assert_allclose(cutout[0, 0], [0, 0, 128 / 255, 128 / 255], atol=1e-6)


def test_pictures_that_cannot_serve_are_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(BadInputError, match=r"a\.png"):
        linear_cutout(tmp_path / "a.png")
    with pytest.raises(BadInputError, match=r"a\.png"):
        linear_texture(tmp_path / "a.png")


def test_no_image_serves_two_splits():
    table = json.loads(Path(__file__).parents[2].joinpath("hdrfuse/data/splits.json").read_text())
    names = [name for split in table.values() for name in split]
    assert len(names) == len(set(names))
    assert all(split_of(name) == split for split, listed in table.items() for name in listed)


def test_unknown_images_fall_by_their_name_into_the_stated_shares():
    splits = [split_of(f"picture {i}") for i in range(3000)]
    assert splits.count("validation") / 3000 == pytest.approx(0.08, abs=0.02)
    assert splits.count("test") / 3000 == pytest.approx(0.12, abs=0.02)


def test_the_committed_split_names_every_hdr_image(shared_data):
    table = json.loads(Path(__file__).parents[2].joinpath("hdrfuse/data/splits.json").read_text())
    names = {name for split in table.values() for name in split}
    assert {path.stem for path in shared_data.glob("hdr/*/*.exr")} <= names


def test_a_contact_sheet_shows_every_bracket(library):
    brackets = SyntheticBrackets(library=library, size=32, seed=0)
    sheet = contact_sheet((brackets[index] for index in range(5)), columns=2)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (3 * 36, 2 * 4 * 36, 3)
