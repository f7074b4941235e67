import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from hdrfuse import formats
from hdrfuse.errors import ExitCode, ImageError
from hdrfuse.formats import (
    RAW_SUFFIXES,
    READABLE_SUFFIXES,
    SCENE_REFERRED_SUFFIXES,
    RadianceFacts,
    read_header,
    read_image,
    write_image,
)
from hdrfuse.formats.kinds import Kind, raw_is_readable
from hdrfuse.formats.reading import READERS, reader_of


@pytest.fixture
def files(tmp_path, picture):
    """One file of each kind, by suffix."""
    for suffix in (".jpg", ".png", ".tif"):
        Image.fromarray(picture).save(tmp_path / f"a{suffix}")
    for suffix in (".exr", ".hdr"):
        write_image(tmp_path / f"a{suffix}", picture.astype(np.float32), RadianceFacts())
    return {path.suffix: path for path in tmp_path.iterdir()}


NAMES = {
    ".jpg": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".exr": "OpenEXR file",
    ".hdr": "Radiance HDR file",
}


@pytest.mark.parametrize("truth", NAMES)
@pytest.mark.parametrize("label", NAMES)
def test_a_mislabelled_file_is_refused_and_both_kinds_are_named(tmp_path, files, truth, label):
    path = tmp_path / f"b{label}"
    path.write_bytes(files[truth].read_bytes())
    if truth == label:
        assert read_image(path).header == read_header(path)
        return
    expected = f"{path}: is a {NAMES[truth]}, its suffix says {NAMES[label]}".replace("(", r"\(")
    for read in (read_header, read_image):
        with pytest.raises(ImageError, match=f"^{expected}$"):
            read(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".exr", ".hdr", ".dng", ".cr3"])
def test_an_empty_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.touch()
    with pytest.raises(ImageError, match=r"is empty \(0 bytes\)") as caught:
        read_image(path)
    assert caught.value.exit_code is ExitCode.BAD_INPUT


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".exr", ".hdr"])
def test_text_in_an_image_s_clothes_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("hello\n")
    with pytest.raises(ImageError, match=f"is no {NAMES[suffix]}: it begins with b'hello"):
        read_image(path)


def test_a_webp_named_jpg_is_called_a_webp(tmp_path, picture):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path, "WEBP")
    with pytest.raises(ImageError, match="is a WebP, its suffix says JPEG"):
        read_image(path)


def test_a_missing_file_a_folder_and_a_strange_suffix_are_refused(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").mkdir()
    with pytest.raises(ImageError, match="is a folder"):
        read_header(tmp_path / "b.jpg")
    (tmp_path / "c.txt").write_text("hello")
    with pytest.raises(ImageError, match=r"suffix '\.txt' is not an image's"):
        read_header(tmp_path / "c.txt")


def test_suffixes_are_lower_case_and_consistent():
    assert RAW_SUFFIXES | SCENE_REFERRED_SUFFIXES <= READABLE_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in READABLE_SUFFIXES)
    assert {".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"} <= RAW_SUFFIXES


def test_importing_the_package_imports_no_decoder():
    heavy = "torch cv2 rawpy OpenEXR tifffile exifread simplejpeg"
    code = f"import sys, hdrfuse.formats; print([m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_of_the_package_is_there_and_every_format_has_a_reader():
    assert all(hasattr(formats, name) for name in formats.__all__)
    assert {name for names in formats._HOMES.values() for name in names} == set(formats.__all__)
    assert set(READERS) == set(Kind)
    assert all(reader_of(kind).read_header for kind in Kind if kind is not Kind.RAW or raw_is_readable())
