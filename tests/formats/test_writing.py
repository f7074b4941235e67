import errno
import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime

import numpy as np
import OpenEXR
import pytest
import tifffile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from hdrfuse.errors import ExitCode, OutputError, UsageError, WriteError
from hdrfuse.formats import (
    Capture,
    RadianceFacts,
    Storage,
    check_writable,
    read_header,
    read_image,
    replacing,
    write_image,
    write_jpeg,
    write_png,
)
from hdrfuse.formats.exr import COMPRESSIONS
from hdrfuse.formats.icc import DISPLAY_P3, REC709

SUFFIXES = [".exr", ".hdr", ".tif", ".tiff"]


@pytest.fixture
def radiance(picture):
    return (picture / 16.0).astype(np.float32)


@pytest.fixture
def facts():
    return RadianceFacts(
        chromaticities=DISPLAY_P3,
        capture=Capture(
            exposure_time_s=1 / 125,
            f_number=5.6,
            iso=400,
            captured_at=datetime(2024, 3, 25, 20, 47, 37),
            camera="NIKON D90",
        ),
        white_luminance_cd_m2=1234.5,
        provenance={"version": "1.2.3", "method": "classical", "evs": "-2 0 2"},
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixels_and_facts_come_back(tmp_path, radiance, facts, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, radiance, facts, storage=Storage(half=False))
    image = read_image(path)
    tolerance = 1 / 256 * radiance.max(axis=2, keepdims=True) if suffix == ".hdr" else 0
    assert (np.abs(image.pixels - radiance) <= tolerance).all()
    assert image.header.chromaticities == DISPLAY_P3
    assert image.header.linear
    capture = image.header.capture
    assert capture.exposure_time_s == pytest.approx(1 / 125)
    assert (capture.f_number, capture.iso, capture.camera) == (pytest.approx(5.6), 400, "NIKON D90")
    assert capture.captured_at == facts.capture.captured_at


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_how_it_was_made_stands_in_the_file(tmp_path, radiance, facts, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, radiance, facts)
    data = path.read_bytes()
    for fact in (b"1.2.3", b"classical", b"-2 0 2"):
        assert fact in data


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_arguments_give_equal_bytes(tmp_path, radiance, facts, suffix):
    written = []
    for name in ("a", "b"):
        write_image(tmp_path / f"{name}{suffix}", radiance, facts)
        written.append((tmp_path / f"{name}{suffix}").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_facts_are_written_too(tmp_path, radiance, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, radiance, RadianceFacts())
    assert read_header(path).capture == Capture()
    assert read_header(path).chromaticities == REC709


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(exposure_time_s=0.0002666989760967731, f_number=2.8, iso=100.0)  # not to whole microseconds
@given(
    exposure_time_s=st.floats(1 / 32000, 3600),
    f_number=st.floats(0.95, 64),
    iso=st.integers(1, 3_000_000).filter(lambda iso: iso != 65535).map(float),
)
def test_any_exposure_survives_any_format(tmp_path, exposure_time_s, f_number, iso):
    facts = RadianceFacts(capture=Capture(exposure_time_s=exposure_time_s, f_number=f_number, iso=iso))
    for suffix in (".exr", ".hdr", ".tif"):
        path = tmp_path / f"a{suffix}"
        write_image(path, np.ones((4, 9, 3), np.float32), facts, overwrite=True)
        capture = read_header(path).capture
        assert capture.exposure_time_s == pytest.approx(exposure_time_s, rel=1e-3)
        assert capture.f_number == pytest.approx(f_number, rel=1e-5)
        assert capture.iso == pytest.approx(iso)


def test_exr_carries_the_standard_attributes(tmp_path, radiance, facts):
    path = tmp_path / "a.exr"
    write_image(path, radiance, facts)
    with OpenEXR.File(str(path), header_only=True) as file:
        header = dict(file.header())
        assert header["whiteLuminance"] == pytest.approx(1234.5)
        assert header["expTime"] == pytest.approx(1 / 125)
        assert header["aperture"] == pytest.approx(5.6)
        assert header["isoSpeed"] == 400
        assert header["capDate"] == "2024:03:25 20:47:37"
        assert header["cameraModel"] == "NIKON D90"
        assert header["hdrfuse:method"] == "classical"
        assert header["compression"] == OpenEXR.ZIP_COMPRESSION
    with OpenEXR.File(str(path)) as file:
        assert file.channels()["RGB"].pixels.dtype == np.float16


def test_a_zone_is_kept_as_exr_s_utc_offset(tmp_path, radiance):
    moment = datetime(2024, 3, 25, 20, 47, 37, tzinfo=UTC)
    write_image(tmp_path / "a.exr", radiance, RadianceFacts(capture=Capture(captured_at=moment)))
    assert read_header(tmp_path / "a.exr").capture.captured_at == moment


def test_half_clips_above_65504(tmp_path, radiance, facts):
    radiance[0, 0] = 1e6
    warnings = write_image(tmp_path / "a.exr", radiance, facts, storage=Storage(half=True))
    assert warnings == ["highlights reach 1e+06, and half ends at 65504: --half loses that"]
    assert read_image(tmp_path / "a.exr").pixels.max() == 65504
    write_image(tmp_path / "b.exr", radiance, facts, storage=Storage(half=False))
    assert read_image(tmp_path / "b.exr").pixels.max() == 1e6


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_exr_compression_is_written(tmp_path, radiance, facts, compression):
    write_image(tmp_path / "a.exr", radiance, facts, storage=Storage(compression=compression))
    np.testing.assert_allclose(read_image(tmp_path / "a.exr").pixels, radiance, atol=0.2)


def test_an_unknown_exr_compression_is_refused_by_name(tmp_path, radiance, facts):
    with pytest.raises(UsageError, match="--compression zop: one of none, rle, zips, zip"):
        write_image(tmp_path / "a.exr", radiance, facts, storage=Storage(compression="zop"))
    assert not list(tmp_path.iterdir())


def test_radiance_says_exposure_nowhere_or_1(tmp_path, radiance, facts):
    write_image(tmp_path / "a.hdr", radiance, facts)
    assert b"\nEXPOSURE" not in (tmp_path / "a.hdr").read_bytes().partition(b"\n\n")[0]


def test_a_fact_with_a_line_break_cannot_forge_a_header_line(tmp_path, radiance):
    facts = RadianceFacts(provenance={"method": "a\nEXPOSURE=9\n\n-Y 1 +X 1\n"})
    write_image(tmp_path / "a.hdr", radiance, facts)
    assert read_image(tmp_path / "a.hdr").pixels.max() == pytest.approx(radiance.max(), rel=0.01)


def test_other_programs_read_the_float_tiff(tmp_path, radiance, facts):
    write_image(tmp_path / "a.tif", radiance, facts)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), radiance)


def test_a_jpeg_carries_exif_and_an_srgb_profile(tmp_path, picture, camera_exif):
    Image.fromarray(picture).save(tmp_path / "frame.jpg", exif=camera_exif)
    frame = read_image(tmp_path / "frame.jpg")
    write_jpeg(tmp_path / "a.jpg", picture, exif=frame.exif)
    again = read_image(tmp_path / "a.jpg")
    assert again.header.capture == frame.header.capture
    assert np.abs(again.pixels.astype(int) - picture).max() <= 8
    with Image.open(tmp_path / "a.jpg") as stored:
        assert b"sRGB".decode().encode("utf-16-be") in stored.info["icc_profile"]


def test_a_png_is_exact(tmp_path, picture):
    write_png(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, picture)


def test_a_jpeg_beyond_the_format_s_size_is_refused_before_encoding(tmp_path):
    with pytest.raises(OutputError, match="70000x1 pixels"):
        write_jpeg(tmp_path / "a.jpg", np.zeros((1, 70_000, 3), np.uint8))


@pytest.mark.parametrize("write", [write_jpeg, write_png])
def test_an_existing_file_stays_unless_told_otherwise(tmp_path, picture, write):
    path = tmp_path / f"a.{write.__name__[6:]}"
    path = path.with_suffix(".jpg" if write is write_jpeg else ".png")
    path.write_text("precious")
    with pytest.raises(OutputError, match="exists already; --overwrite replaces it"):
        write(path, picture)
    assert path.read_text() == "precious"
    write(path, picture, overwrite=True)
    assert read_image(path).pixels.shape == picture.shape
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_written_is_known_before_the_work(tmp_path):
    (tmp_path / "folder.exr").mkdir()
    (tmp_path / "there.exr").touch()
    for name, message in (
        ("a.xyz", r"cannot write '\.xyz' files; expected \.exr \.hdr \.tif \.tiff"),
        ("folder.exr", "is a folder"),
        ("there.exr", "exists already"),
        ("missing/a.exr", "there is no folder"),
    ):
        with pytest.raises(OutputError, match=message) as caught:
            check_writable(tmp_path / name, overwrite=False)
        assert caught.value.exit_code is ExitCode.BAD_INPUT
    check_writable(tmp_path / "there.exr", overwrite=True)
    check_writable(tmp_path / "new.exr", overwrite=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_known_before_the_work(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="is not writable"):
        check_writable(tmp_path / "a.exr", overwrite=False)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_nothing_stays_behind_when_writing_is_broken_off(tmp_path, error):
    path = tmp_path / "a.exr"
    path.write_text("old")
    with pytest.raises(error), replacing(path, overwrite=True) as temporary:
        temporary.write_text("half a fi")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_write_error_that_names_the_file(tmp_path):
    path = tmp_path / "a.exr"
    message = f"{path}: cannot be written: No space left on device"
    with pytest.raises(WriteError, match=message) as caught, replacing(path, overwrite=False) as temporary:
        temporary.write_text("half a fi")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.exit_code is ExitCode.FAILED
    assert not list(tmp_path.iterdir())


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a.exr"
    with pytest.raises(OutputError, match="exists already"), replacing(path, overwrite=False) as temporary:
        temporary.write_text("ours")
        path.write_text("theirs")
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the file size of a child process")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_write_that_the_system_stops_leaves_nothing(tmp_path, suffix):
    code = f"""
        import resource, signal, sys
        import numpy as np
        from hdrfuse.errors import WriteError
        from hdrfuse.formats import RadianceFacts, Storage, write_image
        radiance = np.random.default_rng(0).random((400, 400, 3)).astype(np.float32)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            write_image({str(tmp_path / "a")!r} + {suffix!r}, radiance, RadianceFacts())
        except WriteError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"{tmp_path / 'a'}{suffix}: cannot be written"), done.stdout + done.stderr
    assert done.returncode == 0
    assert not list(tmp_path.iterdir())


def test_an_interrupt_leaves_nothing(tmp_path):
    code = f"""
        import pathlib, time
        from hdrfuse.formats import replacing
        with replacing(pathlib.Path({str(tmp_path / "a.exr")!r}), overwrite=False) as temporary:
            temporary.write_text("half")
            print("ready", flush=True)
            time.sleep(600)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=600)
    assert not list(tmp_path.iterdir())
