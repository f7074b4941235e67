"""What is measured of stacks without a truth: known steps, known noise, still scenes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hdrfuse.benchmark.decision_borders import REACH_PX, border_steps
from hdrfuse.benchmark.shadow_noise import shadow_noise_ratio
from hdrfuse.benchmark.stacks import Appearance, find_stacks
from hdrfuse.benchmark.tables import Results
from hdrfuse.cli import main
from hdrfuse.errors import BadInputError, ExitCode, UsageError
from hdrfuse.imaging.bracket import bracket_of_arrays
from hdrfuse.imaging.merging.ghosts import Ghosts
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel
from hdrfuse.machine import this_machine
from hdrfuse.options import MergeOptions
from hdrfuse.pipeline import merge_bracket

SHAPE = (240, 320)
REJECTED = (slice(40, 80), slice(50, 110))
"""Where the longest frame is said to show something else."""

RING_PX = 2 * (40 + 60)
EVS = (-2.0, 0.0, 2.0)


def frames_of(radiance: np.ndarray, *, noise: float = 0.0) -> list[CalibratedFrame]:
    """Frames (H, W, 3) of a radiance, 1 = the reference's white, with noise as a share of the level."""
    random = np.random.default_rng(0)
    return [
        CalibratedFrame(
            pixels=np.minimum(radiance * 2.0**ev * random.normal(1.0, noise, radiance.shape), 1.0).astype(np.float32),
            lookup=None, white=1.0, ev=ev, noise=NoiseModel(shot=1e-5, read=1e-8),
        )
        for ev in EVS
    ]  # fmt: skip


def ghosts_of(rejected: tuple[slice, slice] | None, filled: tuple[slice, slice] | None = None) -> Ghosts:
    consistency = [np.ones(SHAPE, np.float32) for _ in EVS]
    mask = np.zeros(SHAPE, np.float32)
    if rejected is not None:
        consistency[-1][rejected] = 0.0
    if filled is not None:
        mask[filled] = 1.0
    return Ghosts(
        consistency=tuple(consistency),
        occluded_highlight_mask=mask,
        highlight_estimate=np.ones((*SHAPE, 3), np.float32),
    )


@pytest.fixture
def dim() -> np.ndarray:
    """A slope of 0.05 to 0.15 of the reference's white: the longest frame has it whole."""
    return np.repeat(np.tile(np.linspace(0.05, 0.15, SHAPE[1]), (SHAPE[0], 1))[..., None], 3, axis=2).astype(np.float32)


@pytest.mark.parametrize("step_ev", [0.2, -0.5])
def test_a_cut_along_a_rejected_region_has_its_contrast_in_stops(dim: np.ndarray, step_ev: float) -> None:
    result = dim.copy()
    result[REJECTED] *= 2.0**step_ev
    found = border_steps(result, frames_of(dim), ghosts_of(REJECTED))
    assert found.border_px == RING_PX
    assert found.median_ev == pytest.approx(0.92 * abs(step_ev), abs=0.03)
    assert found.high_ev == pytest.approx(0.92 * abs(step_ev), abs=0.06)


def test_a_merge_without_cuts_has_no_steps_whatever_is_rejected(dim: np.ndarray) -> None:
    found = border_steps(dim, frames_of(dim, noise=0.02), ghosts_of(REJECTED))
    assert found.border_px == RING_PX
    assert found.high_ev == pytest.approx(0.0, abs=0.01)


def test_a_step_that_one_frame_shows_is_the_scenes_own(dim: np.ndarray) -> None:
    scene = dim.copy()
    scene[REJECTED] *= 2.0
    frames = [replace(frame, pixels=dim * frame.gain) for frame in frames_of(dim)]
    alone = border_steps(scene, frames, ghosts_of(REJECTED))
    shown = border_steps(scene, [frames_of(scene)[0], *frames[1:]], ghosts_of(REJECTED))
    assert alone.median_ev == pytest.approx(0.92, abs=0.05)
    assert shown.high_ev == pytest.approx(0.0, abs=0.01)


def test_a_frame_that_is_white_on_both_sides_has_no_border(dim: np.ndarray) -> None:
    found = border_steps(dim * 10, frames_of(dim * 10), ghosts_of(REJECTED))
    assert (found.border_px, found.median_ev, found.high_ev) == (0, None, None)


def test_depth_that_no_frame_spans_is_no_step_of_the_merge() -> None:
    scene = np.full((*SHAPE, 3), 3.0, np.float32)
    scene[REJECTED] = 0.006  # dark enough for the longest frame alone, where all else is white
    found = border_steps(scene, frames_of(scene), ghosts_of(REJECTED))
    assert found.border_px == 0


def test_the_rim_of_a_filled_highlight_counts_beyond_what_its_white_shows() -> None:
    scene = np.full((*SHAPE, 3), 0.5, np.float32)
    scene[REJECTED] = 4.0
    frames = [replace(frame, pixels=np.full_like(scene, 0.5 * frame.gain)) for frame in frames_of(scene)[:1]]
    frames += frames_of(scene)[1:]
    found = border_steps(scene, frames, ghosts_of(None, filled=REJECTED))
    assert found.border_px == RING_PX
    assert found.median_ev == pytest.approx(0.92 * 2.0, abs=0.1)  # three stops, of which the reference shows one


def test_where_a_frame_ends_is_a_border_and_its_end_is_no_step_of_the_scene(dim: np.ndarray) -> None:
    valid = np.ones(SHAPE, bool)
    valid[:, :50] = False
    frames = frames_of(dim)
    frames[-1] = replace(frames[-1], valid=valid, pixels=frames[-1].pixels * valid[..., None])
    result = dim.copy()
    result[:, :50] /= 1.5
    found = border_steps(result, frames, ghosts_of(None))
    assert found.border_px == SHAPE[0] - 2 * REACH_PX
    assert found.median_ev == pytest.approx(0.92 * np.log2(1.5), abs=0.03)


@pytest.mark.parametrize("share", [0.5, 1.0, 3.0])
def test_shadow_noise_is_the_results_over_the_longest_frames(dim: np.ndarray, share: float) -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.04 * share, dim.shape)
    result = (dim * (1.0 + noise)).astype(np.float32)
    result[:, SHAPE[1] // 2 :] = 1.0  # no shadow
    result[:20, :20] = 0.0  # moved
    ratio = shadow_noise_ratio(result, frames_of(dim, noise=0.04), ghosts_of((slice(0, 21), slice(0, 21))))
    assert ratio == pytest.approx(share, rel=0.06)


def test_a_white_longest_frame_has_no_shadows(dim: np.ndarray) -> None:
    assert shadow_noise_ratio(dim, frames_of(dim * 10), ghosts_of(None)) is None


def test_a_merge_of_a_still_bracket_shows_no_steps_and_less_noise_than_its_longest_frame() -> None:
    light = np.random.default_rng(2).uniform(0.02, 0.6, (24, 32, 1))
    scene = np.kron(light, np.ones((8, 8, 3)))
    frames = frames_of(scene, noise=0.02)
    codes = [np.rint(65535 * frame.pixels ** (1 / 2.2)).astype(np.uint16) for frame in frames]
    merged = merge_bracket(bracket_of_arrays(codes, list(EVS)), MergeOptions(method="classical"))
    steps = border_steps(merged.radiance, merged.frames, merged.ghosts)
    ratio = shadow_noise_ratio(merged.radiance, merged.frames, merged.ghosts)
    assert (steps.high_ev or 0.0) < 0.02
    assert ratio is not None
    assert 0.5 < ratio < 1.0


def appearance(*, moved: float, still: bool) -> Appearance:
    steps = border_steps(np.full((*SHAPE, 3), 0.1), frames_of(np.full((*SHAPE, 3), 0.1)), ghosts_of(None))
    return Appearance(
        stack="facade", frames=3, method="classical", borders=steps, moved=moved, still=still, shadow_noise=None
    )


@pytest.mark.parametrize(("moved", "still", "marked"), [(0.3, True, True), (0.01, True, False), (0.3, False, False)])
def test_a_still_stack_that_is_called_moved_is_marked(*, moved: float, still: bool, marked: bool) -> None:
    results = Results(machine=this_machine(), stacks=[appearance(moved=moved, still=still)])
    assert results.as_json()["stacks"][0]["moved_too_much"] is marked
    row = next(line for line in results.as_text(width=120).split("\n") if "facade" in line)
    assert (f"{moved:.1%}" in row, "still" in row, "*" in row) == (True, still, marked)


def test_a_still_stack_is_one_of_those_that_are_measured(tmp_path: Path) -> None:
    (tmp_path / "facade").mkdir()
    with pytest.raises(UsageError, match=r"--still tower: .*: facade"):
        find_stacks(tmp_path, ["facade", "tower"])


@pytest.mark.parametrize(("folder", "says"), [("empty", "no folder of frames in it"), ("missing", "no such folder")])
def test_a_folder_without_stacks_is_named_with_its_option(tmp_path, folder, says):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=f"--stacks .*{folder}: {says}"):
        find_stacks(tmp_path / folder)


@pytest.mark.usefixtures("classical_alone")
def test_bench_measures_stacks_that_are_said_to_be_still(photographs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stacks = str(photographs.parent)
    arguments = ["bench", "--what", "stacks", "--stacks", stacks, "--still", "study", "--quiet", "--json"]
    assert main(arguments) == ExitCode.DONE
    for stack in json.loads(capsys.readouterr().out)["stacks"]:
        assert stack["still"] is True
        assert stack["moved_too_much"] is (stack["moved"] > 0.02)
        assert stack["borders"].keys() == {"border_px", "median_ev", "high_ev"}
        assert stack["shadow_noise"] > 0
