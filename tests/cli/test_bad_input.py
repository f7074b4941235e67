"""The table of bad input, clause by clause: exit code 2, one line that names the file, nothing written."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from hdrfuse.formats import read_image

from .brackets import EVS, SIZE, frame_exif, photograph, write_bracket

HEIGHT, WIDTH = SIZE


def repainted(path, convert, **options):
    """Replace a frame by a changed version of itself, its EXIF kept."""
    image = Image.open(path)
    exif = image.info["exif"]
    convert(image).save(path, exif=exif, **options)


# One image, no image, a folder of text


def test_a_folder_of_one_image_says_how_many_are_needed(refused, tmp_path):
    scene = write_bracket(tmp_path / "single", (0.0,))
    error = refused(tmp_path, "merge", scene, naming=("single", "shot1.jpg", "1 image"))
    assert "at least 2" in error


def test_one_file_is_no_bracket(refused, beach):
    assert "at least 2" in refused(beach.parent, "merge", beach / "shot1.jpg", naming=("shot1.jpg", "1 image"))


def test_an_empty_folder_holds_no_image(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "at least 2" in refused(tmp_path, "merge", tmp_path / "empty", naming=("empty", "no image"))


def test_a_folder_of_text_holds_no_image(refused, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in ("one.txt", "two.md"):
        (folder / name).write_text("no picture")
    refused(tmp_path, "merge", folder, naming=("notes", "no image"))


@pytest.mark.parametrize("words", [("nowhere",), ("nowhere/a.jpg", "nowhere/b.jpg")])
def test_what_is_not_there_is_named(refused, tmp_path, words):
    refused(tmp_path, "merge", *(tmp_path / word for word in words), naming="nowhere")


def test_the_same_file_twice_is_no_bracket(refused, beach):
    refused(beach.parent, "merge", beach / "shot1.jpg", beach / "shot1.jpg", naming="shot1.jpg")


def test_text_named_as_frames_is_refused(refused, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("no picture")
    refused(tmp_path, "merge", tmp_path / "a.txt", tmp_path / "b.txt", naming="a.txt")


# Different sizes or channels


def test_different_sizes_name_both_files_with_both_sizes(refused, beach):
    repainted(beach / "shot2.jpg", lambda image: image.resize((64, 48)))
    naming = ("shot1.jpg", "shot2.jpg", f"{WIDTH} x {HEIGHT}", "64 x 48")
    refused(beach.parent, "merge", beach, naming=naming)


def test_a_grey_frame_among_colours_names_both_files(refused, beach):
    repainted(beach / "shot3.jpg", lambda image: image.convert("L"))
    refused(beach.parent, "merge", beach, naming=("shot1.jpg", "shot3.jpg", "grey", "colour", f"{WIDTH} x {HEIGHT}"))


# Truncated, empty, mislabelled


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_truncated_jpeg_is_never_merged(refused, beach, share):
    path = beach / "shot2.jpg"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(beach.parent, "merge", beach, "--exposures", "-2,0,2", naming="shot2.jpg")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_truncated_file_of_another_format_is_never_merged(refused, tmp_path, suffix):
    scene = write_bracket(tmp_path / "scene", exif=False, suffix=suffix)
    path = scene / f"shot3{suffix}"
    path.write_bytes(path.read_bytes()[:-200])
    refused(tmp_path, "merge", scene, "--exposures", "-2,0,2", naming=f"shot3{suffix}")


def test_an_empty_file_is_named(refused, beach):
    (beach / "shot1.jpg").write_bytes(b"")
    refused(beach.parent, "merge", beach, naming=("shot1.jpg", "empty"))


def test_a_file_that_is_not_what_its_suffix_says_is_named_with_both_kinds(refused, beach):
    Image.fromarray(photograph(0.0)).save(beach / "shot2.jpg", "PNG")
    refused(beach.parent, "merge", beach, naming=("shot2.jpg", "PNG", "JPEG"))


def test_text_under_an_images_name_is_named(refused, beach):
    (beach / "shot2.jpg").write_text("no picture at all")
    refused(beach.parent, "merge", beach, naming="shot2.jpg")


# Exposures


def test_frames_without_exposures_are_named_with_how_to_give_them(refused, tmp_path):
    scene = write_bracket(tmp_path / "plain", exif=False)
    error = refused(tmp_path, "merge", scene, naming=("plain", "shot1.jpg", "shot2.jpg", "shot3.jpg"))
    assert "--exposures" in error
    assert "exposure.txt" in error


def test_the_one_frame_without_exposure_is_named(refused, beach):
    Image.fromarray(photograph(0.0)).save(beach / "shot2.jpg")
    error = refused(beach.parent, "merge", beach, naming="shot2.jpg")
    assert "shot1.jpg" not in error


@pytest.mark.parametrize("words", [(), ("--exposures", "1,1,1")])
def test_equal_exposures_are_refused(refused, tmp_path, words):
    scene = write_bracket(tmp_path / "equal", (0.0, 0.0, 0.0))
    error = refused(tmp_path, "merge", scene, *words, naming="equal")
    assert words or "shot1.jpg" in error


@pytest.mark.parametrize(
    ("given", "naming"),
    [
        ("-2,x,2", "'x'"), ("-2,nan,2", "nan"), ("-2,inf,2", "inf"), ("-2,,2", "''"), ("", "''"),
        ("-2,0", "2 EVs for 3 images"), ("-2,0,2,4", "4 EVs for 3 images"), ("-2,0,1000", "1000"),
    ],
)  # fmt: skip
def test_exposures_that_are_none_or_of_another_count_are_refused(refused, beach, given, naming):
    refused(beach.parent, "merge", beach, "--exposures", given, naming=("--exposures", naming))


@pytest.mark.parametrize(
    ("lines", "naming"),
    [
        ("-2\nzero\n2\n", "line 2"), ("-2\n0\nnan\n", "line 3"), ("-2\n0\n", "2 EVs for 3 images"),
        ("-2\n0\n2\n4\n", "4 EVs for 3 images"), ("", "0 EVs for 3 images"), ("1\n1\n1\n", "equal"),
        ("-2 0 2\n", "line 1"),
    ],
)  # fmt: skip
def test_a_wrong_exposure_file_is_named_with_its_line(refused, beach, lines, naming):
    (beach / "exposure.txt").write_text(lines)
    refused(beach.parent, "merge", beach, naming=("exposure.txt", naming))


def test_an_exposure_file_that_is_no_text_is_named(refused, beach):
    (beach / "exposure.txt").write_bytes(b"\xff\xfe\x00\x81" * 9)
    refused(beach.parent, "merge", beach, naming="exposure.txt")


# What is read right


def save_16_bit(path, pixels):
    tifffile.imwrite(path, pixels.astype(np.uint16) * 257, photometric="rgb")


def save_alpha(path, pixels):
    alpha = np.full((*pixels.shape[:2], 1), 200, np.uint8)
    Image.fromarray(np.concatenate([pixels, alpha], axis=-1)).save(path)


def save_palette(path, pixels):
    Image.fromarray(pixels).quantize(256).save(path)


def save_cmyk(path, pixels):
    Image.fromarray(pixels).convert("CMYK").save(path, quality=95)


@pytest.mark.parametrize(
    ("save", "suffix"),
    [(save_16_bit, ".tif"), (save_alpha, ".png"), (save_palette, ".png"), (save_cmyk, ".jpg")],
)
def test_unusual_pixels_are_read_right(run, tmp_path, save, suffix):
    scene, plain = tmp_path / "scene", tmp_path / "plain"
    for folder in (scene, plain):
        folder.mkdir()
    for index, ev in enumerate(EVS):
        save(scene / f"{index}{suffix}", photograph(ev))
        Image.fromarray(photograph(ev)).save(plain / f"{index}.png")
    options = ("--exposures", "-2,0,2", "--response", "gamma", "--no-align", "--no-preview", "-q")
    for folder in (scene, plain):
        outcome = run("merge", folder, *options)
        assert outcome.code == 0, outcome.err
    unusual, usual = (read_image(tmp_path / f"{name}.exr").pixels for name in ("scene", "plain"))
    assert unusual.shape == usual.shape
    assert np.corrcoef(unusual.ravel(), usual.ravel())[0, 1] > 0.9


def test_a_bracket_of_grey_frames_stays_grey(run, tmp_path):
    (tmp_path / "grey").mkdir()
    for index, ev in enumerate(EVS):
        Image.fromarray(photograph(ev)).convert("L").save(tmp_path / "grey" / f"{index}.png")
    assert run("merge", tmp_path / "grey", "--exposures", "-2,0,2").code == 0
    radiance = read_image(tmp_path / "grey.exr").pixels
    np.testing.assert_array_equal(radiance[..., 0], radiance[..., 1])
    np.testing.assert_array_equal(radiance[..., 0], radiance[..., 2])


def png_claiming(width, height):
    """A PNG whose header lies about its size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0" * 99)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (30_000, 30_000)])
def test_a_lie_about_the_size_costs_no_memory(refused, tmp_path, size):
    scene = tmp_path / "liar"
    scene.mkdir()
    for name in ("a.png", "b.png"):
        (scene / name).write_bytes(png_claiming(*size))
    refused(tmp_path, "merge", scene, "--exposures", "0,2", naming="a.png")


@pytest.mark.parametrize("command", ["merge", "info"])
def test_an_unexpected_orientation_value_is_no_error(run, tmp_path, command):
    scene = write_bracket(tmp_path / "scene")
    Image.fromarray(photograph(0.0)).save(scene / "shot2.jpg", exif=frame_exif(0.0, orientation=99))
    assert run(command, scene).code == 0
