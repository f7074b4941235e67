"""Exposures that files, names and users state, and what becomes of them where the pictures say something else."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .brackets import frame_exif, photograph

MERGE = ("--method", "classical", "--no-preview", "--json")


def write(path: Path, ev: float, **exif) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = photograph(ev)
    options = {"exif": frame_exif(exif.pop("stated_ev"), **exif)} if exif else {}
    Image.fromarray(pixels).save(path, **({"quality": 95} | options if path.suffix == ".jpg" else {}))


def merged(run, *arguments) -> tuple[list[tuple[str, float, str]], list[str]]:
    """Name, EV relative to the reference and source of each frame, darkest first; and warnings."""
    outcome = run("merge", *arguments, *MERGE)
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    middle = next(entry["ev"] for entry in report["inputs"] if entry["name"] == report["reference"]["name"])
    return [(entry["name"], round(entry["ev"] - middle, 1), entry["ev_source"]) for entry in report["inputs"]], report[
        "warnings"
    ]


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_the_layout_of_public_sets_is_read_in_the_pictures_order(run, tmp_path, suffix):
    for name, ev in (("short", -2), ("medium", 0), ("long", 2)):
        write(tmp_path / "scene" / f"{name}{suffix}", ev)
    (tmp_path / "scene" / "exposure.txt").write_text("-2\n0\n2\n")  # natural order: long, medium, short
    frames, warnings = merged(run, tmp_path / "scene")
    assert [frame[:2] for frame in frames] == [(f"short{suffix}", -2), (f"medium{suffix}", 0), (f"long{suffix}", 2)]
    assert any("another order" in warning for warning in warnings)


def test_exif_of_another_size_is_estimated(run, tmp_path):
    for index, ev in enumerate((-0.3, 0.0, 0.3)):
        write(tmp_path / "scene" / f"{index}.jpg", ev, stated_ev=2.0 * (index - 1), iso=None)
    frames, warnings = merged(run, tmp_path / "scene")
    assert frames == [("0.jpg", -0.3, "pixels"), ("1.jpg", 0, "pixels"), ("2.jpg", 0.3, "pixels")]
    assert any("estimated from the pixels" in warning for warning in warnings)


def test_exposures_are_estimated_on_request_in_one_line(run, tmp_path):
    for name, ev in (("a", 2), ("b", -2), ("c", 0)):
        write(tmp_path / "scene" / f"{name}.png", ev)
    outcome = run("merge", tmp_path / "scene", *MERGE)
    assert outcome.code == 2
    assert "--exposures estimate" in outcome.error
    frames, warnings = merged(run, tmp_path / "scene", "--exposures", "estimate")
    assert frames == [("b.png", -2.0, "estimate"), ("c.png", 0, "estimate"), ("a.png", 2.0, "estimate")]
    assert sum("estimated from the pictures, in EV with 90% intervals" in warning for warning in warnings) == 1


def test_frames_of_one_named_exposure_that_differ_are_estimated(run, tmp_path):
    for name, ev in (("a_0EV", -1), ("b_0EV", 0.5), ("c_+2EV", 2)):
        write(tmp_path / "scene" / f"{name}.png", ev)
    frames, warnings = merged(run, tmp_path / "scene")
    assert [frame[1:] for frame in frames] == [(-1.5, "pixels"), (0, "pixels"), (1.5, "pixels")]
    assert any("a_0EV.png" in warning or "c_+2EV.png" in warning for warning in warnings)


def test_a_typographic_minus_in_a_name_is_a_minus(run, tmp_path):
    for name, ev in (("sea_\N{MINUS SIGN}2EV", -2), ("sea_0EV", 0), ("sea_+2EV", 2)):
        write(tmp_path / "scene" / f"{name}.png", ev)
    frames, warnings = merged(run, tmp_path / "scene")
    assert [frame[1:] for frame in frames] == [(-2, "file name"), (0, "file name"), (2, "file name")]
    assert not any("exposure" in warning for warning in warnings)


@pytest.mark.parametrize("stated", ["-4,0,4", "-0.5,0,0.5"])
def test_given_exposures_of_another_size_exit_2_and_name_the_frames(run, tmp_path, stated):
    for index, ev in enumerate((-2, 0, 2)):
        write(tmp_path / "scene" / f"{index}.png", ev)
    outcome = run("merge", tmp_path / "scene", "--exposures", stated, *MERGE)
    assert outcome.code == 2
    assert "0.png" in outcome.error or "1.png" in outcome.error
    assert "-2.0,0.0,2.0 were expected" in outcome.error
    assert not (tmp_path / "scene.exr").exists()


def test_given_exposures_that_a_fitted_curve_explains_are_taken_with_a_warning_of_exifs(run, tmp_path):
    (tmp_path / "scene").mkdir()
    for index, ev in enumerate((-2, 0, 2)):
        contrast = 1 / (1 + np.exp(3 - 6 * (photograph(ev) / 255)))  # a contrast curve, as cameras have
        pixels = np.round(255 * (contrast - 1 / (1 + np.exp(3))) / (1 - 2 / (1 + np.exp(3)))).clip(0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(
            tmp_path / "scene" / f"{index}.jpg", quality=95, exif=frame_exif(ev)
        )
    frames, warnings = merged(run, tmp_path / "scene", "--exposures=-3,0,3")
    assert frames == [("0.jpg", -3, "given"), ("1.jpg", 0, "given"), ("2.jpg", 3, "given")]
    assert warnings[0] == "--exposures -3,0,3: EXIF states -2,0,2; --exposures goes before EXIF and is taken"
    _, warnings = merged(run, tmp_path / "scene", "--exposures=-2,0,2.2", "--overwrite")
    assert not any("EXIF" in warning for warning in warnings)


def test_given_exposures_of_another_order_are_put_right_with_a_warning(run, tmp_path):
    for index, ev in enumerate((-2, 0, 2)):
        write(tmp_path / "scene" / f"{index}.png", ev)
    frames, warnings = merged(run, tmp_path / "scene", "--exposures", "2,0,-2")
    assert [frame[:2] for frame in frames] == [("0.png", -2), ("1.png", 0), ("2.png", 2)]
    assert any("another order" in warning for warning in warnings)


def test_a_batch_estimates_what_a_text_file_states_wrongly_for_each_of_many(run, tmp_path):
    for number in range(2):
        for index, ev in enumerate((-1, 0, 1)):
            write(tmp_path / "shoot" / f"{number}{index}.png", ev)
    (tmp_path / "shoot" / "exposure.txt").write_text("-3\n0\n3\n")
    outcome = run("batch", tmp_path / "shoot", "--method", "classical", "--json")
    assert outcome.code == 0, outcome.err
    for scene in json.loads(outcome.out)["scenes"]:
        assert {entry["ev_source"] for entry in scene["report"]["inputs"]} == {"pixels"}
        assert np.diff([entry["ev"] for entry in scene["report"]["inputs"]]) == pytest.approx([1, 1], abs=0.05)
        assert any("(exposure.txt)" in warning for warning in scene["report"]["warnings"])
