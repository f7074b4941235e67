"""What pictures show of the stops between them, and which stated steps they refute."""

from functools import cache

import numpy as np
import pytest
from daily import daily

from hdrfuse.data.procedural import ENCODINGS, ProceduralBracket, procedural_bracket
from hdrfuse.imaging.calibration.spacing import Spacing

CURVES = {
    **ENCODINGS,
    "gamma 1.8": lambda exposure: exposure ** np.float32(1 / 1.8),
    "gamma 2.6": lambda exposure: exposure ** np.float32(1 / 2.6),
}


@cache
def scene(evs: tuple[float, ...], motion: str) -> ProceduralBracket:
    return procedural_bracket(3, motion=motion, size=(160, 120), evs=evs, encoding="linear")


def shown(true_evs: tuple[float, ...], encoding: str, motion: str = "static") -> Spacing:
    """Pictures of a scene as a camera of a curve writes them, 8 bits."""
    light = [frame.astype(np.float32) / 65535 for frame in scene(true_evs, motion).frames]
    return Spacing.of([np.rint(CURVES[encoding](each) * 255) / np.float32(255) for each in light], linear=False)


@pytest.mark.parametrize("motion", ["static", "moving"])
@pytest.mark.parametrize("encoding", CURVES)
@pytest.mark.parametrize(
    "evs", daily(2, [((-2.0, 0.0, 2.0),), ((0.0, 3.0),), ((-0.33, 0.0, 0.33),), ((-2.0, -1.0, 0.0, 1.0, 2.0),)])
)
def test_what_is_true_is_not_contradicted(evs, encoding, motion):
    assert shown(evs, encoding, motion).contradicts(np.diff(evs)) is None


@pytest.mark.parametrize("motion", ["static", "moving"])
@pytest.mark.parametrize("encoding", ["srgb", "gamma"])
@pytest.mark.parametrize(
    ("true_evs", "stated"),
    daily(3, [
        ((-0.3, 0.0, 0.3), (-2, 0, 2)), ((-2.0, 0.0, 2.0), (-2, 0, 1)), ((-2.0, 0.0, 2.0), (0, 0, 2)),
        ((-2.0, 0.0, 2.0), (-4, 0, 4)), ((-1.0, 0.0, 1.0), (-2, 0, 2)), ((0.0, 1.0), (0, 2)),
        ((-2.0, 0.0, 1.0), (-2, 0, 2)), ((-2.0, 0.0, 2.0), (-0.5, 0, 0.5)),
        ((-2.0, -1.0, 0.0, 1.0, 2.0), (-2, -1, 0, 0, 1)),
    ]),
)  # fmt: skip
def test_another_size_is_contradicted_where_the_curve_is_plain(true_evs, stated, encoding, motion):
    spacing = shown(true_evs, encoding, motion)
    wrong = np.abs(np.diff(true_evs) - np.diff(stated))
    assert wrong[spacing.contradicts(np.diff(stated))] == pytest.approx(wrong.max())
    assert spacing.estimated(np.diff(stated)) == pytest.approx(
        np.diff(true_evs), abs=0.03 if motion == "static" else 0.1
    )


@pytest.mark.parametrize(
    ("true_evs", "stated"),
    [((-0.3, 0.0, 0.3), (-2, 0, 2)), ((-1.0, 0.0, 1.0), (-3, 0, 3)), ((-2.0, 0.0, 2.0), (-1, 0, 1))],
)
def test_another_size_is_contradicted_where_no_cameras_curve_is_such(true_evs, stated):
    spacing = shown(true_evs, "contrast")
    assert spacing.contradicts(np.diff(stated)) is not None
    assert spacing.estimated(np.diff(stated)) == pytest.approx(np.diff(true_evs), rel=0.4)


def test_steps_of_a_camera_that_are_stated_rightly_tell_its_others():
    stated = (1, 1, 1, 1, 1)
    spacing = shown((-2.0, -1.0, 0.0, 0.001, 1.0, 2.0), "contrast")
    assert spacing.contradicts(stated) == 2
    assert spacing.estimated(stated) == pytest.approx((1, 1, 0, 1, 1), abs=0.1)


@pytest.mark.parametrize("encoding", ["gamma", "contrast"])
@pytest.mark.parametrize("offset", [0.0, 0.01])
def test_noise_and_a_raised_black_contradict_nothing(encoding, offset):
    rng = np.random.default_rng(2)
    evs = (-3.0, 0.0, 3.0)
    pictures = []
    for frame in scene(evs, "static").frames:
        light = frame.astype(np.float32) / 65535
        noisy = light + offset + np.sqrt(1e-3 * light + 1e-3 * (offset == 0)) * rng.standard_normal(light.shape)
        pictures.append(CURVES[encoding](np.clip(noisy, 0, 1).astype(np.float32)))
    assert Spacing.of(pictures, linear=False).contradicts(np.diff(evs)) is None


def test_something_large_that_comes_into_the_picture_contradicts_nothing():
    evs = (-1.0, 0.0, 1.0)
    pictures = [CURVES["contrast"](frame.astype(np.float32) / 65535) for frame in scene(evs, "static").frames]
    pictures[1] = pictures[1].copy()
    pictures[1][:, :56] = CURVES["contrast"](np.float32(0.18))
    assert Spacing.of(pictures, linear=False).contradicts(np.diff(evs)) is None


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_twice_or_half_a_cameras_spacing_implies_no_cameras_curve(factor):
    assert shown((-2.0, 0.0, 2.0), "contrast").contradicts((2 * factor, 2 * factor)) is not None


def test_half_the_spacing_of_srgb_alone_is_told_from_a_steep_camera():
    assert shown((-3.0, 0.0, 3.0), "srgb").contradicts((2, 2)) is not None


def test_times_that_are_rounded_are_not_contradicted():
    assert shown((-2.0, 0.0, 2.0), "srgb").contradicts((2.2, 1.85)) is None


@pytest.mark.parametrize("level", [0.0, 0.01, 0.5, 1.0])
def test_pictures_without_tones_contradict_nothing(level):
    noise = np.random.default_rng(0).normal(0, 0.002, (3, 120, 160, 3)).astype(np.float32)
    flat = np.clip(np.float32(level) + noise, 0, 1)
    assert Spacing.of(list(flat), linear=False).contradicts((2, 2)) is None


def test_pictures_of_a_few_pixels_contradict_nothing():
    few = np.random.default_rng(0).uniform(0, 1, (2, 7, 5, 3)).astype(np.float32)
    assert Spacing.of(list(few), linear=False).contradicts((2,)) is None


def test_equal_pictures_contradict_a_step():
    spacing = shown((0.0, 0.0001), "contrast")
    assert spacing.contradicts((1,)) == 0
    assert spacing.estimated((1,)) == pytest.approx([0], abs=0.01)


@pytest.mark.parametrize(("stated", "contradicted"), [((2, 2), False), ((2, 1), True), ((1, 1), True), ((3, 3), True)])
def test_linear_pictures_contradict_whatever_is_another_step(stated, contradicted):
    light = [frame.astype(np.float32) / 65535 for frame in scene((-2.0, 0.0, 2.0), "static").frames]
    assert (Spacing.of(light, linear=True).contradicts(stated) is not None) == contradicted


def test_linear_pictures_of_scales_of_their_own_are_compared_in_one():
    light = scene((-2.0, 0.0), "static").frames[1].astype(np.float32) / 65535
    spacing = Spacing.of([light, light], linear=True, scale_ev=(0.0, 2.0))
    assert spacing.estimated((0.5,)) == pytest.approx([2])
    assert spacing.contradicts((2,)) is None
    assert spacing.contradicts((0.5,)) == 0
