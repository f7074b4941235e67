from dataclasses import replace

import numpy as np
import pytest

from hdrfuse.deghosting.blend_settings import BLEND, BlendSettings
from hdrfuse.deghosting.blend_statistics import NetworkError
from hdrfuse.deghosting.blending import blend, blend_weight_map
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel

SHAPE = (60, 80)
NOISE = NoiseModel(shot=2e-5, read=1e-7)
GHOST = (slice(20, 40), slice(20, 50))


def plane(value):
    return np.full((*SHAPE, 3), value, np.float32)


def exposed(light, ev, toe=0.0):
    pixels = np.clip(light * 2.0**ev, 0, 1).astype(np.float32)
    return CalibratedFrame(pixels=pixels, lookup=None, white=1.0, ev=ev, noise=NOISE, toe=toe)


def share_of(merged, learned, light, *, ghosts=(), hidden=False, rms=0.002, behind=None, toe=0.0, seen=None,
             detail_loss=0.0, reached=True, told=None, settings=BLEND):  # fmt: skip
    """The network's share where three frames saw `light`, the darkest `behind` in GHOST, where `ghosts` disagree.

    The reference saw `seen` instead, if that is given; `told` is what surroundings tell of the fill's error.
    """
    consistency = [np.ones(SHAPE, np.float32) for _ in range(3)]
    for index in ghosts:
        consistency[index][GHOST] = 0
    mask = np.zeros(SHAPE, np.float32)
    mask[GHOST] = hidden
    found = Ghosts(
        consistency=tuple(consistency), occluded_highlight_mask=mask, highlight_estimate=plane(0.0),
        highlight_error=None if told is None else np.full(SHAPE, told, np.float32),
    )  # fmt: skip
    frames = [exposed(light, ev, toe) for ev in (-2.0, 0.0, 2.0)]
    if seen is not None:
        frames[1] = exposed(seen, 0.0, toe)
    if behind is not None:
        frames[0].pixels[GHOST] = behind / 4
    if not reached:
        frames[0] = replace(frames[0], valid=~mask.astype(bool))
    frames = [replace(frame, detail_loss=0.0 if index == 1 else detail_loss) for index, frame in enumerate(frames)]
    return blend_weight_map(
        merged, learned, frames, 1, found, error=NetworkError(white=4.0, rms=rms), tolerance=0.02, settings=settings
    )  # fmt: skip


def inner(share):
    """Mean share within the ghost, away from its border."""
    return float(share[25:35, 25:45].mean())


@pytest.mark.parametrize("shoulder", [1.0, 0.9])
def test_a_lamps_hue_that_a_darker_frame_measures_takes_nothing_from_the_network(shoulder):
    lamp = plane(0.0) + np.array([3.0, 2.0, 0.01], np.float32)
    frames = [exposed(lamp, -2.0), exposed(plane(4.0), 0.0), exposed(plane(4.0), 2.0)]  # rendered: all channels clip
    frames = [replace(frame, shoulder=shoulder) for frame in frames]  # below 1: their curve is a guess
    agreed = Ghosts(
        consistency=(np.ones(SHAPE, np.float32),) * 3, occluded_highlight_mask=np.zeros(SHAPE, np.float32),
        highlight_estimate=plane(0.0),
    )  # fmt: skip
    pale = NetworkError(white=4.0, rms=0.002)
    learned = np.maximum(lamp, np.float32(1.2))
    share = blend_weight_map(lamp, learned, frames, 1, agreed, error=pale, tolerance=0.02)
    assert (inner(share) < 1e-4) == (shoulder < 1.0), inner(share)


def test_the_network_guesses_the_less_the_better_surroundings_tell_what_is_hidden():
    light, learned = plane(2.0), plane(2.2)
    shares = [
        inner(share_of(light, learned, light, ghosts=(0,), hidden=True, behind=0.05, told=told, rms=0.006))
        for told in (0.001, 0.1, 0.15, 0.6, None)
    ]
    assert shares[0] < shares[1] < shares[2] < shares[3]
    assert shares[0] < 0.2 < shares[3]
    assert shares[3] == shares[4]  # no more is believed than where they do not tell


@pytest.mark.parametrize("level", [0.01, 0.1, 0.6, 2.0])
def test_where_all_agree_the_merge_stays(level):
    light = plane(level)
    assert share_of(light, light * np.float32(1.01), light).max() < 0.15


def test_a_ghost_in_the_merge_is_the_networks_to_remove():
    light, merged = plane(0.1), plane(0.1)
    merged[GHOST] = 0.2
    share = share_of(merged, light, light)
    assert inner(share) > 0.9
    assert share[:10].max() < 0.1


@pytest.mark.parametrize("detail_loss", [0.0, 0.1])
def test_texture_that_moved_a_little_is_the_networks(detail_loss):
    stripes = np.where(np.arange(SHAPE[1]) // 3 % 2, 0.14, 0.06)[None, :, None]  # they even out over the window
    light = np.broadcast_to(stripes, (*SHAPE, 3)).astype(np.float32)
    merged = light.copy()
    merged[GHOST] = 0.2 - merged[GHOST]
    share = share_of(merged, light, light, detail_loss=detail_loss)
    assert inner(share) > 0.8
    assert share[:10].max() < 0.1


def test_the_finest_detail_of_resampled_frames_is_no_doubt():
    light, softer = plane(0.1), plane(0.1)
    light[::3, ::3], softer[::3, ::3] = 0.6, 0.3
    assert inner(share_of(softer, light, light, rms=0.0008)) > 0.3
    assert inner(share_of(softer, light, light, rms=0.0008, detail_loss=0.1)) < 0.05


def test_a_line_that_a_darker_frame_measures_brighter_is_the_merges():
    light, learned = plane(2.0), plane(2.0)
    light[:, 40], learned[:, 40] = 3.8, 2.0  # one pixel wide
    learned[:, 41] = 2.6
    share = share_of(light, learned, light)
    assert share[10:-10, 40].max() < 0.05


def test_light_that_a_darker_frame_measures_is_no_brighter_for_the_network():
    light, learned = plane(1.5), plane(1.5)
    learned[GHOST] = 2.5
    assert inner(share_of(light, learned, light)) < 0.05


def test_what_a_darker_frame_shows_darker_than_white_may_hide_light():
    light, merged = plane(1.5), plane(1.5)
    merged[GHOST] = 0.7
    assert inner(share_of(merged, light, light, behind=0.7)) > 0.8


def test_what_the_reference_contradicts_is_not_taken_from_the_network():
    light, learned = plane(0.3), plane(0.3)
    learned[GHOST] = 0.5
    assert inner(share_of(light, learned, light)) < 0.05
    assert inner(share_of(light, learned, light, ghosts=(0, 2))) < 0.05


def test_what_the_merge_has_darker_than_the_reference_clips_is_the_networks():
    light, learned, merged = plane(1.5), plane(1.0), plane(1.5)
    merged[GHOST] = 0.3
    assert inner(share_of(merged, learned, light, behind=0.3)) > 0.9


def test_where_the_reference_contradicts_the_merge_more_the_network_stays():
    light, learned, merged = plane(0.01), plane(0.016), plane(0.01)
    merged[GHOST] = 0.2
    assert inner(share_of(merged, learned, light)) > 0.9
    assert inner(share_of(light, learned, light)) < 0.1


def test_where_the_references_curve_is_a_guess_a_brighter_frame_outdoes_the_network():
    merged, crushed = plane(0.002), plane(0.0)  # the network believes the reference's blocked-up shadows
    assert inner(share_of(merged, crushed, merged, seen=crushed)) > 0.5
    assert inner(share_of(merged, crushed, merged, seen=crushed, toe=0.02)) < 0.1


def test_a_guessed_curve_does_not_let_the_network_make_things_up():
    light, learned = plane(0.004), plane(0.004)
    learned[GHOST] = 0.03  # above all that the reference may have been, and the other frames show a ghost there
    assert inner(share_of(light, learned, light, ghosts=(0, 2), toe=0.015)) < 0.1


def test_a_better_network_takes_more_of_the_references_noise():
    light = plane(0.004)
    shares = [inner(share_of(light, light, light, ghosts=(0, 2), rms=rms)) for rms in (0.02, 0.005, 0.001)]
    assert shares == sorted(shares)
    assert shares[0] < 0.25
    assert shares[2] > 0.5
    assert inner(share_of(light, light, light, rms=0.005)) < shares[1]  # nothing moved: less noise in the merge


def test_a_hidden_highlight_is_the_networks_where_it_found_one():
    light, merged, learned = plane(2.0), plane(2.0), plane(2.0)
    merged[GHOST] = 1.6  # continued from somewhere
    assert inner(share_of(merged, learned, light, hidden=True, ghosts=(0,))) > 0.6
    learned[GHOST] = 1.0  # less than the surroundings: both guess
    assert inner(share_of(merged, learned, light, hidden=True, ghosts=(0,))) > 0.6
    merged[GHOST], learned[GHOST] = 0.9, 0.3  # what the reference's white contradicts
    assert inner(share_of(merged, learned, light, hidden=True, ghosts=(0,))) < 0.02


def test_texture_that_moved_is_the_networks_unless_resampling_may_have_changed_it():
    rng = np.random.default_rng(2)
    grain = np.where(np.repeat(np.repeat(rng.random((15, 20)) < 0.5, 4, axis=0), 4, axis=1)[..., None], 1.07, 0.93)
    light = plane(0.2)
    merged = (light * grain).astype(np.float32)
    still, resampled = (inner(share_of(merged, light, light, detail_loss=loss)) for loss in (0.0, 1e-6))
    assert still > 2 * resampled


def test_a_guess_is_less_the_networks_the_more_channels_the_reference_measures():
    white, yellow, blue = plane(2.0), plane((2.0, 2.0, 0.3)), plane((0.3, 0.6, 2.0))
    of_white, of_yellow, of_blue = (
        inner(share_of(light, np.where(light > 1, 1.3 * light, light), light, hidden=True, ghosts=(0,)))
        for light in (white, yellow, blue)
    )
    assert of_white > 0.7
    assert of_yellow == pytest.approx(0.85 * of_white, abs=0.02)
    assert of_blue == pytest.approx(0.7 * of_white, abs=0.02)


def test_where_no_darker_frame_reaches_the_fill_knows_more():
    def shares(light):
        brighter = np.where(light > 1, 1.2 * light, light)
        found = (share_of(light, brighter, light, ghosts=(0,), hidden=True, reached=r) for r in (True, False))
        return [inner(share) for share in found]

    here, beyond = shares(plane(1.5))
    assert beyond == pytest.approx(0.25 * here, rel=0.05)
    here, beyond = shares(plane((1.5, 0.4, 0.3)))
    assert here > 0.01
    assert beyond < 0.001


def test_a_blend_lies_between_both_and_goes_by_the_share():
    merged, learned = plane(0.2), plane(0.4)
    share = np.zeros(SHAPE, np.float32)
    share[:, 40:] = 1
    blend(merged, learned, share, white=4.0)
    np.testing.assert_allclose(merged[:, :40], 0.2)
    np.testing.assert_allclose(merged[:, 40:], 0.4)


def test_shares_of_a_smaller_picture_are_enlarged():
    merged, learned = plane(0.0), plane(1.0)
    share = np.zeros((SHAPE[0] // 2, SHAPE[1] // 2), np.float32)
    share[10:, :] = 1
    blend(merged, learned, share, white=4.0)
    assert merged[:19].max() == 0
    assert merged[21:].min() == 1


def test_light_above_the_networks_white_is_the_merges():
    merged, learned = plane(9.0), plane(4.0)
    blend(merged, learned, np.ones(SHAPE, np.float32), white=4.0)
    assert (merged == 9).all()


def test_a_blend_goes_by_the_settings_that_it_is_given():
    light, merged = plane(0.1), plane(0.1)
    merged[GHOST] = 0.11
    doubted = [inner(share_of(merged, light, light, settings=BlendSettings(chi2_scale=scale))) for scale in (1, 4, 400)]
    assert doubted == sorted(doubted, reverse=True)
    assert doubted[0] > doubted[2] + 0.2
    assert doubted[1] == inner(share_of(merged, light, light))
