"""A setting's benchmark varies that one constant, everywhere it is read, and puts it back."""

import json
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from hdrfuse.benchmark import settings
from hdrfuse.benchmark.quality import hdrfuse_merge
from hdrfuse.benchmark.tables import Results
from hdrfuse.cli import main
from hdrfuse.data.procedural import procedural_bracket
from hdrfuse.deghosting.blend_settings import BLEND
from hdrfuse.deghosting.methods import LFDIFF
from hdrfuse.errors import ExitCode, HdrfuseError
from hdrfuse.evaluation.scenes import KnownBracket
from hdrfuse.imaging.merging.highlights import ramp, unclipped
from hdrfuse.imaging.radiometry import CalibratedFrame, NoiseModel
from hdrfuse.machine import this_machine
from hdrfuse.metrics import psnr_mu
from hdrfuse.pipeline import MergeOptions

SMALL = (96, 64)


@pytest.mark.parametrize("group", settings.SETTINGS)
def test_every_group_is_frozen_and_every_setting_a_number_or_several(group: str) -> None:
    instance = settings.SETTINGS[group]
    assert is_dataclass(instance)
    assert type(instance).__dataclass_params__.frozen  # type: ignore[attr-defined]
    names = [field.name for field in fields(instance)]
    assert settings.setting_names(group) == [f"{group}.{name}" for name in names]
    for name in names:
        value = settings.value_of(f"{group}.{name}")
        assert np.isfinite(value).all()


def test_a_setting_is_another_wherever_it_is_read_and_only_for_a_while() -> None:
    exposure = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 4, 3)
    noise = NoiseModel(shot=0.0, read=1.0)
    frame = CalibratedFrame(pixels=exposure, lookup=None, white=1.0, ev=0.0, noise=noise)
    usual = unclipped(frame, exposure, apart=True)
    with pytest.raises(ZeroDivisionError), settings.varied("clipping.start", 0.5):
        np.testing.assert_allclose(unclipped(frame, exposure, apart=True), 1 - ramp(exposure, 0.5, 0.96), atol=1e-6)
        _ = 1 / 0
    np.testing.assert_array_equal(unclipped(frame, exposure, apart=True), usual)


def test_values_are_read_as_the_setting_has_them() -> None:
    assert settings.parse_values("1,2.5", 0.3) == [1.0, 2.5]
    assert settings.parse_values("1.2,0.2", 4) == [1, 1]
    assert settings.parse_values("0.1:0.2,0:1", (0.3, 0.4)) == [(0.1, 0.2), (0.0, 1.0)]
    for text in ("", "a", "1:2", "nan", "1,inf"):
        with pytest.raises(HdrfuseError, match="--values"):
            settings.parse_values(text, 0.3)


@pytest.mark.skipif(not LFDIFF.deghoster().is_ready(), reason="needs the shipped weights")
def test_a_blend_that_is_done_again_scores_as_the_whole_merge_does() -> None:
    found = settings.measure_settings("blend.unseen_factor", "20", [0], size=SMALL, motions=["moving"])
    assert [(score.value, score.in_use) for score in found] == [(BLEND.unseen_factor, True), (20.0, False)]
    bracket = procedural_bracket(0, motion="moving", size=SMALL)
    known = KnownBracket.of(bracket)
    radiance, _ = hdrfuse_merge(known, MergeOptions(method="lfdiff"))
    assert found[0].mean_db == pytest.approx(psnr_mu(radiance, bracket.truth), abs=1e-3)
    with settings.varied("blend.unseen_factor", 20.0):
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


def test_bench_measures_a_setting_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--setting", "clipping.start", "--values", "0.7", "--seeds", "1", "--size", "48x32", "--json", "-q"]
    assert main(["bench", "--what", "settings", *arguments]) == 0
    found = json.loads(capsys.readouterr().out)["settings"]
    assert {(score["value"], score["in_use"]) for score in found} == {(0.7, False), (0.8, True)}


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
