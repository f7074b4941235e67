"""A setting's benchmark varies that one constant, everywhere it is read, and puts it back."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from hdrfuse.benchmark import setting_values, settings
from hdrfuse.benchmark.camera_images import measure_camera_images
from hdrfuse.benchmark.quality import hdrfuse_merge
from hdrfuse.benchmark.tables import Results
from hdrfuse.cli import main
from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.deghosting.blend_settings import BLEND, BlendSettings
from hdrfuse.deghosting.methods import CLASSICAL, LFDIFF
from hdrfuse.errors import ExitCode, HdrfuseError, UsageError
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.imaging.merging.highlights import CLIPPING, ramp, unclipped
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel
from hdrfuse.machine import this_machine
from hdrfuse.metrics import psnr_mu
from hdrfuse.pipeline import MergeOptions

SMALL = (96, 64)


@pytest.mark.parametrize("group", setting_values.SETTINGS)
def test_every_group_is_frozen_and_every_setting_a_number_or_several(group: str) -> None:
    instance = setting_values.SETTINGS[group]
    assert is_dataclass(instance)
    assert type(instance).__dataclass_params__.frozen  # type: ignore[attr-defined]
    names = [field.name for field in fields(instance)]
    assert setting_values.setting_names(group) == [f"{group}.{name}" for name in names]
    for name in names:
        value = setting_values.value_of(f"{group}.{name}")
        assert np.isfinite(value).all()


def test_a_setting_is_another_wherever_it_is_read_and_only_for_a_while() -> None:
    exposure = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 4, 3)
    noise = NoiseModel(shot=0.0, read=1.0)
    frame = CalibratedFrame(pixels=exposure, lookup=None, white=1.0, ev=0.0, noise=noise)
    usual = unclipped(frame, exposure, apart=True)
    with pytest.raises(ZeroDivisionError), setting_values.varied("clipping.start", 0.5):
        np.testing.assert_allclose(unclipped(frame, exposure, apart=True), 1 - ramp(exposure, 0.5, 0.96), atol=1e-6)
        _ = 1 / 0
    np.testing.assert_array_equal(unclipped(frame, exposure, apart=True), usual)


def test_a_setting_varies_for_one_thread_at_a_time_and_nothing_of_it_is_left() -> None:
    before = {group: dict(vars(instance)) for group, instance in setting_values.SETTINGS.items()}
    values = [0.1 * (1 + each) for each in range(8)]

    def seen(value: float) -> set[float]:
        with setting_values.varied("clipping.start", value):
            return {CLIPPING.start for _ in range(200) if time.sleep(0) is None}

    with ThreadPoolExecutor(max_workers=len(values)) as pool:
        assert list(pool.map(seen, values)) == [{value} for value in values]
    assert {group: dict(vars(instance)) for group, instance in setting_values.SETTINGS.items()} == before


def test_a_merge_s_own_threads_see_the_varied_value() -> None:
    with setting_values.varied("clipping.start", 0.5), ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(lambda: CLIPPING.start).result() == 0.5


def test_values_are_read_as_the_setting_has_them() -> None:
    assert setting_values.parse_values("1,2.5", "blend.window_px") == [1.0, 2.5]
    assert setting_values.parse_values("1.2,3.8", "registration.least_blocks") == [1, 4]
    assert setting_values.parse_values("0.1:0.2,0:1", "blend.darker") == [(0.1, 0.2), (0.0, 1.0)]
    for text in ("", "a", "1:2", "nan", "1,inf"):
        with pytest.raises(HdrfuseError, match="--values"):
            setting_values.parse_values(text, "blend.window_px")


@pytest.mark.parametrize(
    ("setting", "values", "found"),
    [
        ("blend.window_px", "-1,0", "blend.window_px -1: more than 0"),
        ("blend.window_px", "0", "blend.window_px 0: more than 0"),
        ("blend.darker", "0.2:0.1", "blend.darker 0.2:0.1: 0 or more, each larger than the one before"),
        ("fit.needless_gain_ev", "-0.1", "fit.needless_gain_ev -0.1: 0 or more"),
        ("registration.least_blocks", "0.2", "registration.least_blocks 0: more than 0"),
        ("consistency.scales_px", "0:1", "consistency.scales_px 0:1: more than 0"),
    ],
)
def test_values_that_a_setting_cannot_have_are_refused_before_anything_is_merged(
    setting: str, values: str, found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--what", "settings", "--setting", setting, "--values", values]) == ExitCode.BAD_INPUT
    assert capsys.readouterr().err == f"error: --values: {found} was expected\n"


def test_what_turns_a_part_off_may_be_0_and_a_turn_negative() -> None:
    assert setting_values.parse_values("0", "blend.rim_share") == [0.0]
    assert setting_values.parse_values("-1:-0.5:-0.2:0:0.5:1", "matching.turns_deg") == [(-1, -0.5, -0.2, 0, 0.5, 1)]


def test_settings_are_made_of_values_that_they_can_have() -> None:
    with pytest.raises(UsageError, match="window_px 0: more than 0 was expected"):
        BlendSettings(window_px=0.0)


@pytest.mark.skipif(not LFDIFF.deghoster().is_ready(), reason="needs the shipped weights")
def test_a_blend_that_is_done_again_scores_as_the_whole_merge_does() -> None:
    found = settings.measure_settings("blend.unseen_factor", "20", [0], size=SMALL, motions=["moving"])
    assert [(score.value, score.in_use) for score in found] == [(BLEND.unseen_factor, True), (20.0, False)]
    bracket = procedural_bracket(0, motion="moving", size=SMALL)
    known = KnownBracket.of(bracket)
    radiance, _ = hdrfuse_merge(known, MergeOptions(method="lfdiff"))
    assert found[0].mean_db == pytest.approx(psnr_mu(radiance, bracket.truth), abs=1e-3)
    with setting_values.varied("blend.unseen_factor", 20.0):
        radiance, _ = hdrfuse_merge(known, MergeOptions(method="lfdiff"))
    assert found[1].mean_db == pytest.approx(psnr_mu(radiance, bracket.truth), abs=1e-3)
    assert found[0].mean_db != found[1].mean_db


def test_a_setting_of_the_classical_merge_is_a_table_with_the_value_in_use_marked() -> None:
    found = settings.measure_settings("clipping.end", None, [0], size=SMALL, motions=["static"])
    assert [score.value for score in found] == [0.48, 0.96, 1.92]
    text = Results(machine=this_machine(), settings=found).as_text(width=120)
    rows = [line for line in text.splitlines() if "clipping.end" in line]
    assert [("*" in row) for row in rows] == [False, True, False]
    assert "+0.000" in rows[1]


@pytest.mark.usefixtures("classical_alone")
def test_a_setting_is_measured_on_files_as_cameras_write_them(tmp_path: Path) -> None:
    coarse = np.exp(np.random.default_rng(1).normal(-2, 1.2, (12, 16, 3))).astype(np.float32)
    cv2.imwrite(str(tmp_path / "Desk.hdr"), np.maximum(cv2.resize(coarse, (160, 120)), 1e-3))
    photographed = measure_camera_images(tmp_path, None, [0], size=SMALL, motions=["static"])
    found = settings.measure_settings(
        "preparation.known_curve_tolerance", "0.04", [0], tmp_path, size=SMALL, motions=["static"], camera=True
    )  # fmt: skip
    (classical,) = (each.mean_db for each in photographed if each.method == CLASSICAL.name)
    assert next(score.mean_db for score in found if score.in_use) == classical


def test_bench_measures_a_setting_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--setting", "clipping.start", "--values", "0.7", "--seeds", "1", "--size", "48x32", "--json", "-q"]
    assert main(["bench", "--what", "settings", *arguments]) == 0
    found = json.loads(capsys.readouterr().out)["settings"]
    assert {(score["value"], score["in_use"]) for score in found} == {(0.7, False), (0.8, True)}


@pytest.mark.slow
def test_a_value_that_breaks_the_merge_is_named_and_the_others_are_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--setting", "scatter.quantile", "--values", "0.2,2", "--seeds", "1", "--size", "96x64"]
    assert main(["bench", "--what", "settings", *arguments, "--json"]) == 0
    output = capsys.readouterr()
    found = {(score["value"], score["mean_db"] is None) for score in json.loads(output.out)["settings"]}
    assert found == {(0.2, False), (0.3, False), (2.0, True)}
    (warning,) = (line for line in output.err.splitlines() if line.startswith("warning:"))
    assert "scatter.quantile 2: the merge fails: " in warning


def test_a_value_that_breaks_the_merge_leaves_its_row_without_numbers() -> None:
    scores = [
        settings.SettingScore(setting="scatter.quantile", value=0.3, in_use=True, motion="static", psnr_mu_db=(40.0,)),
        settings.SettingScore(
            setting="scatter.quantile", value=2.0, in_use=False, motion="static", psnr_mu_db=(np.nan,), failure="of it"
        ),
    ]
    results = Results(machine=this_machine(), settings=scores)
    rows = [line.split("│")[2:-1] for line in results.as_text(width=120).splitlines() if "scatter.quantile" in line]
    assert [cell.strip() for cell in rows[1]] == ["2", "fails", "fails", ""]
    assert results.warnings == ["scatter.quantile 2: the merge fails: of it"]


def test_values_with_colons_are_no_emoji() -> None:
    score = settings.SettingScore(
        setting="matching.turns_deg", value=(-1.5, -1.0, 1.0), in_use=True, motion="static", psnr_mu_db=(40.0,)
    )
    assert "-1.5:-1:1 *" in Results(machine=this_machine(), settings=[score]).as_text(width=120)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--what", "settings"],
        ["--what", "settings", "--setting", "blend.nothing"],
        ["--what", "settings", "--setting", "nothing.fill_error"],
        ["--what", "settings", "--setting", "blend.fill_error", "--values", "much"],
        ["--what", "quality", "--setting", "blend.fill_error"],
        ["--what", "speed", "--values", "1"],
    ],
)
def test_settings_that_are_none_are_refused_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == ExitCode.BAD_INPUT
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
