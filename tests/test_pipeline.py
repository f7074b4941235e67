"""The whole way from frames to a picture, on procedural scenes whose truth is known."""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from daily import daily
from small_network import write_network

from hdrfuse.data.procedural import Encoding, Motion, ProceduralBracket, procedural_bracket
from hdrfuse.evaluation.baselines import triangle_weights_merge
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.color import srgb_encode
from hdrfuse.imaging.merging import detection
from hdrfuse.metrics import psnr_mu
from hdrfuse.pipeline import Merged, MergeOptions, merge_bracket

SIZE = (640, 480)

FLOORS_DB = {"static": 52.0, "handheld-moving": 41.5, "moving": 44.0, "handheld": 47.0}
"""PSNR-mu that no scene may fall below."""

SCENES = daily(2, [(motion, seed) for seed in (0, 1) for motion in FLOORS_DB if (motion, seed) != ("static", 1)])


@cache
def scene(seed: int, motion: Motion, size: tuple[int, int] = SIZE, **how: Any) -> ProceduralBracket:
    return procedural_bracket(seed, motion=motion, size=size, **how)


def merged(bracket: ProceduralBracket, options: MergeOptions | None = None, **how: Any) -> Merged:
    frames = bracket_of_arrays(bracket.frames, bracket.evs, reference=bracket.reference)
    return merge_bracket(frames, options or MergeOptions(method="classical"), **how)


@cache
def merged_scene(seed: int, motion: Motion, **how: Any) -> Merged:
    return merged(scene(seed, motion, **how))


def score_db(result: Merged, bracket: ProceduralBracket) -> float:
    """PSNR-mu with the shortest frame's white as 1."""
    scale = 2.0 ** (bracket.evs[0] - bracket.evs[bracket.reference])
    return psnr_mu(result.radiance * np.float32(scale), bracket.truth)


def triangle_db(bracket: ProceduralBracket) -> float:
    return psnr_mu(triangle_weights_merge(KnownBracket.of(bracket)), bracket.truth)


def is_radiance(radiance: np.ndarray) -> bool:
    return radiance.dtype == np.float32 and bool(np.isfinite(radiance).all() and (radiance >= 0).all())


@pytest.mark.parametrize(("motion", "seed"), SCENES)
def test_procedural_scenes_keep_their_quality(motion, seed):
    result, bracket = merged_scene(seed, motion), scene(seed, motion)
    assert is_radiance(result.radiance)
    assert score_db(result, bracket) > FLOORS_DB[motion]
    gain_db = score_db(result, bracket) - triangle_db(bracket)
    assert gain_db > (0.5 if motion == "static" else 5.0)


@pytest.mark.parametrize(("motion", "seed"), SCENES)
def test_the_curve_of_procedural_scenes_is_recognised_exactly(motion, seed):
    report = merged_scene(seed, motion).report
    assert report.response.curve == "gamma"
    assert [frame.gain_ev for frame in report.frames] == [0.0, 0.0, 0.0]


HAND_HELD: list[tuple[Encoding, int]] = [("srgb", 8), ("linear", 16)]


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "bits"), HAND_HELD)
def test_the_curve_of_hand_held_frames_is_recognised_exactly(encoding, bits):
    report = merged_scene(1, "handheld", encoding=encoding, bits=bits).report
    assert report.response.curve == encoding
    assert [frame.gain_ev for frame in report.frames] == [0.0, 0.0, 0.0]
    assert report.warnings == ()


@pytest.mark.slow
def test_a_cameras_curve_is_undone_in_a_hand_held_moving_scene():
    how: dict[str, Any] = {"encoding": "contrast", "bits": 8}
    result, bracket = merged_scene(0, "handheld-moving", **how), scene(0, "handheld-moving", **how)
    response = result.report.response
    assert response.curve.startswith("fitted")
    assert response.residual_ev < 0.12
    assert response.srgb_residual_ev > 0.2
    scale = float(np.median(bracket.truth) / np.median(result.radiance))  # relative radiance
    as_srgb = merged(bracket, MergeOptions(method="classical", response="srgb")).radiance
    srgb_scale = float(np.median(bracket.truth) / np.median(as_srgb))
    ours = psnr_mu(result.radiance * scale, bracket.truth)
    assert ours > psnr_mu(as_srgb * srgb_scale, bracket.truth) + 3


SMALL = (320, 240)


def test_the_same_frames_give_the_same_bytes():
    first, second = (merged(scene(0, "handheld-moving", SMALL)) for _ in range(2))
    assert first.radiance.tobytes() == second.radiance.tobytes()
    assert first.ghost_map.tobytes() == second.ghost_map.tobytes()


@pytest.mark.parametrize(
    "evs",
    [
        pytest.param((-2.0, 0.0), id="two frames"),
        pytest.param((-1.0, 0.0, 1.0), id="1 EV apart"),
        pytest.param((-3.0, 0.0, 3.0), id="3 EV apart"),
        pytest.param(tuple(float(ev) for ev in range(-4, 5)), id="nine frames", marks=pytest.mark.slow),
    ],
)
def test_brackets_of_other_counts_and_steps_beat_triangle_weights(evs):
    bracket = scene(2, "moving", SMALL, evs=evs)
    result = merged(bracket)
    assert is_radiance(result.radiance)
    assert len(result.frames) == len(result.report.frames) == len(evs)
    assert score_db(result, bracket) > 38.0
    assert score_db(result, bracket) > triangle_db(bracket) + 5.0


def test_a_grey_scene_stays_grey():
    colour = scene(3, "moving", SMALL)
    frames = [frame[..., 1:2].repeat(3, axis=2) for frame in colour.frames]
    result = merge_bracket(bracket_of_arrays(frames, colour.evs), MergeOptions(method="classical"))
    assert result.report.response.curve == "gamma"
    np.testing.assert_allclose(result.radiance, result.radiance[..., :1].repeat(3, axis=2), rtol=1e-4, atol=1e-6)
    truth = colour.truth[..., 1:2].repeat(3, axis=2)
    assert psnr_mu(result.radiance / 4, truth) > 38.0


def test_linear_floats_are_merged_as_they_are():
    bracket = scene(2, "moving", SMALL, encoding="linear")
    frames = [frame.astype(np.float32) / np.float32(65535) for frame in bracket.frames]
    result = merge_bracket(bracket_of_arrays(frames, bracket.evs, reference=1), MergeOptions(method="classical"))
    assert result.curve is None
    assert score_db(result, bracket) > 38.0


def test_the_result_lies_over_the_reference_whichever_it_is():
    bracket = scene(0, "handheld-moving", SMALL)
    frames = bracket_of_arrays(bracket.frames, bracket.evs, reference=0)
    result = merge_bracket(frames, MergeOptions(method="classical"))
    assert result.report.reference == 0
    shortest = (bracket.frames[0] / 65535) ** 2.2
    assert psnr_mu(result.radiance, shortest) > 33.0  # the shortest frame is noisy
    assert psnr_mu(result.radiance, bracket.truth) < 30.0


def test_without_alignment_frames_stay_where_they_are():
    bracket = scene(0, "handheld", SMALL)
    result = merged(bracket, MergeOptions(method="classical", align=False))
    assert all(frame.valid is None for frame in result.frames)
    assert result.report.frames[0].shift_px is None
    assert result.report.ghost_fraction > 2 * merged(bracket).report.ghost_fraction


def test_the_ghost_map_shows_what_moved_and_little_else():
    result, bracket = merged_scene(0, "moving"), scene(0, "moving")
    assert result.ghost_map.shape == bracket.moving.shape
    assert result.ghost_map.min() >= 0
    assert result.ghost_map.max() <= 1
    flagged = result.ghost_map > 0.5
    assert flagged[bracket.moving].mean() > 0.4
    assert flagged[~bracket.moving].mean() < 0.08
    assert (merged_scene(0, "static").ghost_map > 0.5).mean() < 0.005


def test_progress_rises_from_0_to_1_and_names_every_stage():
    heard: list[tuple[str, float]] = []
    result = merged(scene(2, "moving", SMALL), progress=lambda stage, share: heard.append((stage, share)))
    shares = [share for _stage, share in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(stage for stage, _share in heard)) == list(result.report.seconds)


@pytest.mark.parametrize("level", [0, 40, 255])
def test_frames_without_anything_to_see_merge_without_a_nan(level):
    frames = [np.full((48, 64, 3), level, np.uint8)] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = merge_bracket(bracket_of_arrays(frames, (-2, 0, 2)), MergeOptions(method="classical"))
    assert is_radiance(result.radiance)
    assert np.ptp(result.radiance) < 1e-6 + 0.01 * result.radiance.max()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 2), (7, 5)])
def test_tiny_frames_are_merged(size):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for _ in range(2)]
    result = merge_bracket(bracket_of_arrays(frames, (0, 2)), MergeOptions(method="classical"))
    assert result.radiance.shape == (*size, 3)
    assert is_radiance(result.radiance)


def test_stated_exposures_stay_as_they_are_where_no_gains_are_wanted() -> None:
    bracket = scene(1, "moving", (240, 180))
    wrong = bracket_of_arrays(bracket.frames, [*bracket.evs[:2], bracket.evs[2] - 0.1], reference=bracket.reference)
    for gains, expected in ((True, 0.1), (False, 0.0)):
        options = MergeOptions(method="classical", response="gamma", align=False, gains=gains)
        found = merge_bracket(wrong, options).report.frames[2].gain_ev
        assert found == pytest.approx(expected, abs=0.03 if gains else 0)


def lamp(reaches: bool) -> list[np.ndarray]:
    """Nine sRGB frames 1 EV apart of a smooth wall with a lamp, 3 times the reference's white, and a cyan light.

    The three darkest were taken with the lamp off; or those below the reference lie 14 pixels lower.
    """
    rows, columns = np.indices((120, 160), np.float32)
    wall = 0.12 + 0.08 * np.sin(rows / 9)[..., None] * np.sin(columns / 7)[..., None] * np.float32((1.0, 0.8, 0.6))
    frames = []
    for ev in range(-4, 5):
        light = wall.copy()
        light[40:80, 60:100] = 3.0 if ev > -2 or not reaches else 0.12
        light[:10] = 3.0
        light[90:110, 20:50] = (0.1, 1.5, 1.5)
        exposure = np.clip(light * 2.0**ev, 0, 1)
        if ev < 0 and not reaches:
            exposure = np.roll(exposure, -14, axis=0)
            exposure[-14:] = 0.0
        frames.append(np.rint(255 * srgb_encode(exposure)).astype(np.uint8))
    return frames


@pytest.mark.parametrize(
    ("reaches", "blend"),
    [
        pytest.param(True, None, id="switched off, classical"),
        pytest.param(False, True, id="hand-held, blend"),
        pytest.param(True, False, id="switched off, network alone"),
        pytest.param(False, None, id="hand-held, classical", marks=pytest.mark.slow),
        pytest.param(True, True, id="switched off, blend", marks=pytest.mark.slow),
        pytest.param(False, False, id="hand-held, network alone", marks=pytest.mark.slow),
    ],
)
def test_nothing_that_the_reference_clips_is_darker_than_its_white(tmp_path, reaches, blend):
    frames = lamp(reaches)
    if blend is None:
        options = MergeOptions(method="classical")
    else:
        options = MergeOptions(method="lfdiff", weights=write_network(tmp_path / "w.safetensors"), blend=blend)
    result = merge_bracket(bracket_of_arrays(frames, range(-4, 5), reference=4), options)
    clipped = frames[4] == 255
    assert clipped[90:110, 20:50].mean() == pytest.approx(2 / 3)  # red of the cyan light is measured
    assert result.radiance[clipped].min() >= 1.0
    if options.method == "classical" and reaches:
        np.testing.assert_allclose(result.radiance[45:75, 65:95], 2.0, rtol=0.03)  # the frame at -1 EV is white too


def test_the_coarse_way_holds_white_at_full_size(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "GHOST_PIXELS", 120 * 160 // 4)
    frames = lamp(reaches=True)
    options = MergeOptions(method="lfdiff", weights=write_network(tmp_path / "w.safetensors"))
    result = merge_bracket(bracket_of_arrays(frames, range(-4, 5), reference=4), options)
    assert result.ghosts.occluded_highlight_mask.shape == (60, 80)
    assert result.radiance[frames[4] == 255].min() >= 1.0


def night(blacks: tuple[int, int, int], evs: Sequence[float], *, moving: bool = False) -> tuple[list[np.ndarray], Any]:
    """sRGB frames of a dark scene whose black is raised -> 8-bit frames, and the reference's light (h, w, 3)."""
    rows, columns = np.indices((200, 280), np.float32)
    stops = (
        1.5 * np.sin(rows / 17)[..., None]
        + np.sin(columns / 23 + rows / 60)[..., None]
        + np.sin(columns / 5)[..., None]
    )
    light = np.float32((0.010, 0.008, 0.007)) * np.exp2(stops)
    light[30:90, 150:230] *= 12
    rng = np.random.default_rng(0)
    black = np.array(blacks, float)
    frames = []
    for index, ev in enumerate(evs):
        scene = light.copy()
        if moving:
            scene[110:170, 20 + 40 * index : 60 + 40 * index] = 0.12
        encoded = black + srgb_encode(np.clip(scene * 2.0**ev, 0, 1)) * (255 - black)
        frames.append(np.clip(np.rint(encoded + rng.normal(0, 1, encoded.shape)), 0, 255).astype(np.uint8))
        if ev == 0:
            seen = scene
    return frames, seen


@pytest.mark.parametrize(
    ("blacks", "evs"),
    daily(
        2,
        [((8, 6, 4), (-2, 0, 2)), ((0, 0, 0), range(-2, 3)), ((3, 3, 10), range(-4, 5)), ((12, 16, 9), (-1, 0, 1, 2))],
    ),
)
def test_a_raised_black_moves_nothing_and_leaves_the_shadows_their_colour(blacks, evs):
    frames, light = night(blacks, list(evs))
    result = merge_bracket(
        bracket_of_arrays(frames, evs, reference=list(evs).index(0)), MergeOptions(method="classical")
    )
    assert result.report.ghost_fraction < 0.02
    assert result.report.response.curve == ("srgb above black" if any(blacks) else "srgb")
    assert not any(frame.gain_ev for frame in result.report.frames)
    shadows = light.mean(axis=2) < np.quantile(light.mean(axis=2), 0.4)
    found, true = result.radiance[shadows], light[shadows]
    assert np.quantile(np.abs(np.log2(np.maximum(found, 1e-6) / true)), 0.95) < 0.4
    np.testing.assert_allclose(found.mean(axis=0) / true.mean(axis=0), 1.0, atol=0.06)


def test_what_moves_above_a_raised_black_is_where_the_reference_saw_it():
    frames, light = night((8, 6, 4), (-2, 0, 2), moving=True)
    result = merge_bracket(bracket_of_arrays(frames, (-2, 0, 2), reference=1), MergeOptions(method="classical"))
    error = np.abs(np.log2(np.maximum(result.radiance, 1e-6) / light)).mean(axis=2)[112:168, 22:138]
    assert np.quantile(error, 0.98) < 0.5  # what moved is four times as bright as its ground
    assert (result.ghost_map > 0.5)[115:165, 105:135].mean() > 0.95


def test_a_frame_that_is_rejected_nearly_everywhere_is_named_with_its_share():
    still, other = (scene(seed, "static", SMALL) for seed in (0, 3))
    frames = [other.frames[0], still.frames[1], still.frames[2]]
    options = MergeOptions(method="classical", align=False)
    result = merge_bracket(bracket_of_arrays(frames, still.evs, reference=1), options)
    share = result.report.frames[0].ghost_fraction
    assert share > 0.5
    (warning,) = [each for each in result.report.warnings if "rejected" in each]
    assert warning.startswith(f"frame 0 ({share:.0%}): ")
    assert "--exposures" in warning
    assert not any("rejected" in each for each in merged_scene(0, "static").report.warnings)
