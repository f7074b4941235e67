import hashlib
import json

import exifread
import numpy as np
import pytest
from daily import daily
from PIL import Image
from PIL.ExifTags import Base

from hdrfuse.formats import read_image
from hdrfuse.formats.facts import read_facts
from hdrfuse.lfdiff.weights import find_weights

from .brackets import EVS, SIZE, frame_exif, photograph, write_bracket


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_becomes_an_exr_and_a_preview_beside_it(run, beach):
    outcome = run("merge", beach)
    assert outcome.code == 0, outcome.err
    result, preview = beach.with_name("beach.exr"), beach.with_name("beach.preview.jpg")
    assert {path.name for path in beach.parent.iterdir()} == {"beach", result.name, preview.name}
    assert str(result) in outcome.out.splitlines()[0]
    assert outcome.out.splitlines()[1] == str(preview)
    radiance = read_image(result).pixels
    assert radiance.shape == (*SIZE, 3)
    assert np.isfinite(radiance).all()
    assert radiance.min() >= 0
    assert radiance.max() > 1
    assert Image.open(preview).size == SIZE[::-1]


def test_the_result_says_how_it_was_made(run, beach):
    assert run("merge", beach, "--seed", "7").code == 0
    facts = read_facts(beach.with_name("beach.exr"))
    assert facts.provenance["method"] == "lfdiff"
    assert facts.provenance["weights"] == "fast"
    assert facts.provenance["weights sha256"] == hashlib.sha256(find_weights().read_bytes()).hexdigest()
    assert facts.provenance["reference"] == "shot2.jpg"
    assert facts.provenance["evs"] == "-2.00, +0.00, +2.00"
    assert facts.provenance["seed"] == "7"
    assert facts.capture.iso == 200


@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".tif"])
def test_the_suffix_chooses_the_format(run, beach, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    assert run("merge", beach, "--out", out, "--no-preview").code == 0
    image = read_image(out)
    assert image.pixels.dtype == np.float32
    assert image.header.linear
    assert not (tmp_path / "out.preview.jpg").exists()


def test_files_may_be_named_one_by_one_and_their_result_lies_beside_the_first(run, beach):
    assert run("merge", beach / "shot1.jpg", beach / "shot2.jpg").code == 0
    assert (beach / "shot1.exr").exists()
    assert (beach / "shot1.preview.jpg").exists()


def test_a_result_inside_the_scene_is_no_frame_of_the_next_merge(run, beach):
    outputs = ("--out", beach / "beach.tif", "--ghost-map", beach / "beach.ghosts.png")
    assert run("merge", beach, *outputs).code == 0
    outcome = run("merge", beach, *outputs, "--overwrite", "--json")
    assert [entry["name"] for entry in json.loads(outcome.out)["inputs"]] == ["shot1.jpg", "shot2.jpg", "shot3.jpg"]


def test_equal_inputs_give_equal_bytes(run, beach, tmp_path):
    for name in ("one", "two"):
        outcome = run("merge", beach, "--out", tmp_path / f"{name}.exr", "--ghost-map", tmp_path / f"{name}.png")
        assert outcome.code == 0
    for suffix in (".exr", ".preview.jpg", ".png"):
        assert digest(tmp_path / f"one{suffix}") == digest(tmp_path / f"two{suffix}")


def test_the_order_of_the_files_does_not_change_the_picture(run, beach, tmp_path):
    shots = sorted(beach.iterdir())
    for name, order in {"one": shots, "two": [shots[2], shots[0], shots[1]]}.items():
        assert run("merge", *order, "--out", tmp_path / f"{name}.exr").code == 0
    assert digest(tmp_path / "one.exr") == digest(tmp_path / "two.exr")


def test_exposures_are_in_the_order_of_the_files_as_given(run, tmp_path):
    scene = write_bracket(tmp_path / "plain", exif=False, suffix=".png")
    shots = [scene / f"shot{number}.png" for number in (3, 1, 2)]
    outcome = run("merge", *shots, "--exposures", "2,-2,0", "--out", tmp_path / "o.exr", "--json")
    inputs = json.loads(outcome.out)["inputs"]
    assert [(entry["name"], entry["ev"], entry["ev_source"]) for entry in inputs] == [
        ("shot1.png", -2, "given"), ("shot2.png", 0, "given"), ("shot3.png", 2, "given"),
    ]  # fmt: skip


def test_json_is_one_object_on_stdout_and_complete(run, beach, tmp_path):
    endings = {"radiance": ".exr", "preview": ".preview.jpg", "ghost_map": ".png", "response": ".json"}
    outputs = {name: tmp_path / f"out{ending}" for name, ending in endings.items()}
    asked = ("--out", outputs["radiance"], "--ghost-map", outputs["ghost_map"], "--save-response", outputs["response"])
    outcome = run("merge", beach, "--json", *asked)
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["outputs"] == {name: str(path) for name, path in outputs.items()}
    assert all(path.exists() for path in outputs.values())
    assert report["size"] == [SIZE[1], SIZE[0]]
    assert [entry["path"] for entry in report["inputs"]] == [str(beach / f"shot{n}.jpg") for n in (1, 2, 3)]
    for entry, ev in zip(report["inputs"], EVS, strict=True):
        assert entry["ev_source"] == "EXIF"
        assert entry["ev"] - report["inputs"][1]["ev"] == pytest.approx(ev, abs=0.01)
        assert "shift_px" in entry
        assert entry["capture"]["iso"] == 200
    assert report["reference"] == {"index": 1, "name": "shot2.jpg"}
    assert report["response"]["curve"]
    assert report["response"]["residual_ev"] >= 0
    assert 0 <= report["ghost_fraction"] <= 1
    assert "tiles" in report
    assert {"reading", "merging", "preview", "ghost map", "writing", "total"} <= set(report["seconds"])
    assert report["peak_memory_mb"] > 10
    assert isinstance(report["warnings"], list)


def test_progress_goes_to_stderr_and_quiet_silences_it(run, beach, tmp_path):
    loud = run("merge", beach, "--out", tmp_path / "loud.exr")
    assert "merging" in loud.err
    assert "merging" not in loud.out
    assert run("merge", beach, "--out", tmp_path / "quiet.exr", "-q").err == ""


def test_warnings_are_lines_on_stderr_unless_quiet(run, tmp_path):
    scene = write_bracket(tmp_path / "odd")
    Image.fromarray(photograph(2.0)).save(scene / "shot1.jpg", exif=frame_exif(-2.0))
    outcome = run("merge", scene)
    assert outcome.code == 0
    assert any(
        line.startswith("warning: shot") and "estimated from the pixels" in line for line in outcome.err.splitlines()
    )
    assert run("merge", scene, "--overwrite", "-q").err == ""


def test_verbose_tells_details_on_stderr(run, beach):
    outcome = run("merge", beach, "-v")
    assert outcome.code == 0
    assert "response" in outcome.err
    assert "shot1.jpg" in outcome.err


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_portrait_bracket_comes_out_upright(run, tmp_path, orientation):
    scene = write_bracket(tmp_path / "portrait", orientation=orientation)
    assert run("merge", scene, "--no-align").code == 0
    result = read_image(tmp_path / "portrait.exr").pixels
    assert result.shape == (SIZE[1], SIZE[0], 3)
    upright = np.rot90(photograph(0.0), -1 if orientation == 6 else 1)
    assert np.corrcoef(result.ravel() ** 0.45, upright.ravel())[0, 1] > 0.9
    preview = Image.open(tmp_path / "portrait.preview.jpg")
    assert preview.size == (SIZE[0], SIZE[1])
    assert preview.getexif()[Base.Orientation] == 1


def test_the_preview_carries_the_references_exif(run, beach):
    assert run("merge", beach).code == 0
    with beach.with_name("beach.preview.jpg").open("rb") as file:
        tags = exifread.process_file(file)
    assert str(tags["Image Model"]) == "Test camera"
    assert str(tags["Image ImageDescription"]) == "a beach"
    assert float(tags["EXIF ExposureTime"].values[0]) == pytest.approx(1 / 64, rel=1e-3)


@pytest.mark.parametrize("name", daily(2, ["mu-law", "mantiuk", "reinhard", "drago"]))
def test_every_tonemapper_makes_a_preview(run, beach, tmp_path, name):
    assert run("merge", beach, "--out", tmp_path / "o.hdr", "--tonemap", name, "-q").code == 0
    levels = np.asarray(Image.open(tmp_path / "o.preview.jpg"))
    assert levels.std() > 10


@pytest.mark.usefixtures("merged_at_once")
def test_half_and_float_differ_in_size_and_half_is_the_default(run, beach, tmp_path):
    for name, options in {"default": (), "half": ("--half",), "float": ("--float",)}.items():
        words = ("--method", "classical", *options, "--no-preview")
        assert run("merge", beach, "--out", tmp_path / f"{name}.exr", *words).code == 0
    assert digest(tmp_path / "default.exr") == digest(tmp_path / "half.exr")
    assert (tmp_path / "float.exr").stat().st_size > 1.5 * (tmp_path / "half.exr").stat().st_size


@pytest.mark.usefixtures("merged_at_once")
def test_compression_is_stored_as_asked(run, beach, tmp_path):
    for name in ("none", "zip", "piz"):
        words = ("--method", "classical", "--compression", name, "--no-preview")
        assert run("merge", beach, "--out", tmp_path / f"{name}.exr", *words).code == 0
    sizes = {name: (tmp_path / f"{name}.exr").stat().st_size for name in ("none", "zip", "piz")}
    assert max(sizes, key=sizes.get) == "none"
    assert len(set(sizes.values())) == 3


def test_a_saved_response_can_be_used_again(run, beach, tmp_path):
    curve = tmp_path / "camera.json"
    first = run("merge", beach, "--out", tmp_path / "a.exr", "--save-response", curve, "--response", "gamma", "--json")
    again = run("merge", beach, "--out", tmp_path / "b.exr", "--response", curve, "--json")
    assert (first.code, again.code) == (0, 0), again.err
    assert json.loads(again.out)["response"]["curve"] == "gamma"
    a, b = read_image(tmp_path / "a.exr").pixels, read_image(tmp_path / "b.exr").pixels
    assert np.median(np.abs(a - b) / np.maximum(a, 0.05)) < 0.02


@pytest.mark.parametrize("response", daily(3, ["auto", "srgb", "debevec", "gamma", "linear"]))
def test_every_response_merges(run, beach, tmp_path, response):
    outcome = run("merge", beach, "--out", tmp_path / "o.exr", "--response", response, "--no-preview", "--json")
    assert outcome.code == 0, outcome.err
    if response in ("srgb", "gamma", "linear", "debevec"):
        assert json.loads(outcome.out)["response"]["curve"].startswith(response)


@pytest.mark.parametrize("reference", ["0", "shot1.jpg"])
def test_the_reference_can_be_chosen(run, beach, tmp_path, reference):
    outcome = run("merge", beach, "--reference", reference, "--out", tmp_path / "o.exr", "--json")
    assert json.loads(outcome.out)["reference"] == {"index": 0, "name": "shot1.jpg"}


@pytest.mark.usefixtures("merged_at_once")
def test_overwrite_replaces_every_output(run, beach):
    for name in ("beach.exr", "beach.preview.jpg"):
        beach.with_name(name).write_bytes(b"old")
    assert run("merge", beach, "--overwrite", "--method", "classical").code == 0
    assert beach.with_name("beach.exr").stat().st_size > 1000
    assert beach.with_name("beach.preview.jpg").stat().st_size > 1000


def test_the_ghost_map_marks_what_moved_and_has_a_legend_below(run, beach, tmp_path):
    out = tmp_path / "ghosts.png"
    assert run("merge", beach, "--ghost-map", out, "--no-align").code == 0
    levels = np.asarray(Image.open(out)).astype(int)
    assert levels.shape[1] == SIZE[1]
    assert levels.shape[0] > SIZE[0]
    red = levels[..., 0] - levels[..., 1:].max(-1) > 60
    moved = red[: SIZE[0]][SIZE[0] // 2 : SIZE[0] * 7 // 10, SIZE[1] // 8 : SIZE[1] // 8 + 12]
    assert moved.mean() > 0.5
    assert red[SIZE[0] :].any()


def test_two_frames_are_enough(run, tmp_path):
    assert run("merge", write_bracket(tmp_path / "two", (-1.0, 1.0))).code == 0


def test_16_bit_linear_and_png_brackets_merge(run, tmp_path):
    scene = tmp_path / "linear"
    scene.mkdir()
    import tifffile

    for index, ev in enumerate(EVS):
        light = (photograph(0.0).astype(np.float32) / 255) ** 2.2 * np.float32(2.0**ev)
        tifffile.imwrite(scene / f"{index}.tif", light, photometric="rgb")
    outcome = run("merge", scene, "--exposures", "-2,0,2", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["response"]["curve"] == "linear"
