import io
import struct
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from cost import costs_at_most
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hdrfuse.formats import Capture, read_header, read_image
from hdrfuse.formats.exif import Exif, camera_name, read_exif_block
from hdrfuse.formats.exif_block import block_of, carried_block

TIFF_TYPES = {"short": (3, "H"), "long": (4, "I"), "rational": (5, "II"), "signed rational": (10, "ii")}


def block(**inner):
    """An EXIF block, little-endian, whose Exif directory holds tag_<number> = (type, *values)."""
    entries, data = [], b""
    start = 8 + 2 + 12 + 4
    data_start = start + 2 + 12 * len(inner) + 4
    for name, (kind, *values) in sorted(inner.items()):
        code, layout = TIFF_TYPES[kind]
        packed = struct.pack(f"<{layout}", *values)
        if len(packed) > 4:
            packed, data = struct.pack("<I", data_start + len(data)), data + packed
        entries.append(struct.pack("<HHI", int(name[4:]), code, 1) + packed.ljust(4, b"\0"))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    first = struct.pack("<H", 1) + struct.pack("<HHII", 34665, 4, 1, start) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + first + directory + data


def capture_of(**inner):
    return read_exif_block(block(**inner)).capture


def test_everything_that_a_camera_writes_is_read(tmp_path, picture, camera_exif):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path, exif=camera_exif)
    zone = timezone(timedelta(hours=2))
    assert read_header(path).capture == Capture(
        exposure_time_s=pytest.approx(0.01),
        f_number=pytest.approx(2.8),
        iso=400,
        exposure_bias_ev=-2,
        captured_at=datetime(2024, 3, 25, 20, 47, 37, 290_000, zone),
        camera="NIKON D90",
        lens="50 mm",
        focal_length_mm=50,
    )


@pytest.mark.parametrize(
    "exposure",
    [
        ("rational", 0, 0),
        ("rational", 1, 0),
        ("rational", 0, 1),
        ("signed rational", -1, 100),
        ("rational", 2**32 - 1, 1),
    ],
)
def test_an_impossible_exposure_time_counts_as_none(exposure):
    assert capture_of(tag_33434=exposure) == Capture()


@pytest.mark.parametrize("f_number", [("rational", 0, 0), ("rational", 0, 10), ("rational", 10_000, 1)])
def test_an_impossible_f_number_counts_as_none(f_number):
    assert capture_of(tag_33437=f_number) == Capture()


def test_apex_values_stand_in_for_missing_ones():
    capture = capture_of(tag_37377=("signed rational", 7, 1), tag_37378=("rational", 3, 1))
    assert capture.exposure_time_s == pytest.approx(1 / 128)
    assert capture.f_number == pytest.approx(2**1.5)
    stated = capture_of(tag_33434=("rational", 1, 100), tag_37377=("signed rational", 7, 1))
    assert stated.exposure_time_s == pytest.approx(0.01)


def test_the_exposure_mode_and_the_body_are_read():
    exif = Image.Exif()
    exif.get_ifd(34665).update({41986: 2, 42033: "0123 "})
    capture = read_exif_block(exif.tobytes()[6:]).capture
    assert (capture.exposure_mode, capture.body_serial) == ("bracket", "0123")
    assert capture_of(tag_41986=("short", 1)).exposure_mode == "manual"
    assert capture_of(tag_41986=("short", 9)).exposure_mode is None


def test_an_iso_beyond_16_bits_comes_from_the_wider_tags():
    assert capture_of(tag_34855=("short", 65535), tag_34866=("long", 102_400)).iso == 102_400
    assert capture_of(tag_34855=("short", 65535), tag_34865=("long", 204_800)).iso == 204_800
    assert capture_of(tag_34867=("long", 80)).iso == 80
    assert capture_of(tag_34855=("short", 65535)).iso is None
    assert capture_of(tag_34855=("short", 0)).iso is None


def test_a_moment_without_zone_stays_without_one():
    exif = Image.Exif()
    exif.get_ifd(34665)[36867] = "2020:02:29 23:59:59"
    assert read_exif_block(exif.tobytes()[6:]).capture.captured_at == datetime(2020, 2, 29, 23, 59, 59)
    exif.get_ifd(34665)[36881] = "Z"
    assert read_exif_block(exif.tobytes()[6:]).capture.captured_at.tzinfo == UTC


@pytest.mark.parametrize("digits", ["9999999", "9" * 20])
def test_a_fraction_of_a_second_stays_within_its_second(digits):
    exif = Image.Exif()
    exif.get_ifd(34665).update({36867: "9999:12:31 23:59:59", 37521: digits})
    last = datetime(9999, 12, 31, 23, 59, 59, 999_999)
    assert read_exif_block(exif.tobytes()[6:]).capture.captured_at == last


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2020-01-01", ""])
def test_a_date_that_is_none_counts_as_none(date):
    exif = Image.Exif()
    exif.get_ifd(34665)[36867] = date
    assert read_exif_block(exif.tobytes()[6:]).capture.captured_at is None


def test_a_camera_is_named_once():
    assert camera_name("NIKON CORPORATION", "NIKON D90") == "NIKON D90"
    assert camera_name("SONY", "ILCE-7M3") == "SONY ILCE-7M3"
    assert camera_name(None, "X") == "X"
    assert camera_name("Canon", None) == "Canon"
    assert camera_name(None, None) is None


@pytest.mark.parametrize("bias_ev", [-4 / 3, -2 / 3, 1 / 3, -2.0, 0.7])
def test_a_bias_of_any_sign_and_fraction_is_carried(bias_ev):
    block = block_of(Capture(exposure_bias_ev=bias_ev))
    assert read_exif_block(block[6:]).capture.exposure_bias_ev == pytest.approx(bias_ev)


def test_a_directory_of_countless_values_costs_no_time_and_hides_no_exposure():
    count, values_at = 20_000, 8
    first = values_at + 8 * 999
    entries = [struct.pack("<HHII", 33434, 5, 1, values_at)]
    entries += [struct.pack("<HHII", 40_000 + index, 5, 999, values_at) for index in range(count)]
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", first)  # and followed by itself
    bomb = b"II*\0" + struct.pack("<I", first) + struct.pack("<II", 1, 60) * 999 + directory
    with costs_at_most(2.0):
        assert read_exif_block(bomb).capture == Capture(exposure_time_s=1 / 60)
        assert carried_block(bomb) is None


def test_a_directory_that_points_at_itself_is_read_once():
    entry = struct.pack("<HHII", 34665, 4, 1, 8) + struct.pack("<HHII", 40965, 4, 1, 8)
    iso = struct.pack("<HHII", 34855, 3, 1, 200)
    assert read_exif_block(b"II*\0\x08\0\0\0" + struct.pack("<H", 3) + entry + iso).capture == Capture(iso=200)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_something_or_nothing(data):
    assert isinstance(read_exif_block(b"II*\0\x08\0\0\0" + data), Exif)
    assert isinstance(carried_block(b"MM\0*\0\0\0\x08" + data), bytes | None)


def test_the_carried_block_is_upright_and_has_no_thumbnail_and_no_maker_note(tmp_path, picture, camera_exif):
    camera_exif[274] = 6
    thumbnail = io.BytesIO()
    Image.fromarray(picture).resize((16, 16)).save(thumbnail, "JPEG")
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path, exif=camera_exif)
    carried = read_image(path).exif
    again = Image.Exif()
    again.load(carried)
    assert again[274] == 1
    assert 37500 not in again.get_ifd(34665)
    assert not again.get_ifd(1)
    assert b"notenote" not in carried
    assert read_exif_block(carried[6:]).capture == read_header(path).capture


@given(
    exposure_time_s=st.none() | st.floats(1e-5, 900),
    f_number=st.none() | st.floats(0.7, 64),
    iso=st.none() | st.integers(1, 65_000).map(float),
    captured_at=st.none()
    | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(lambda d: d.replace(microsecond=0)),
    camera=st.none() | st.sampled_from(["NIKON D90", "Canon EOS R5"]),
)
def test_a_capture_survives_the_block_that_is_made_of_it(exposure_time_s, f_number, iso, captured_at, camera):
    capture = Capture(
        exposure_time_s=exposure_time_s, f_number=f_number, iso=iso, captured_at=captured_at, camera=camera
    )
    made = block_of(capture)
    if capture == Capture():
        assert made is None
        return
    read = read_exif_block(made[6:]).capture
    assert (read.iso, read.captured_at, read.camera) == (iso, captured_at, camera)
    for found, expected in ((read.exposure_time_s, exposure_time_s), (read.f_number, f_number)):
        assert (found is None) if expected is None else np.isclose(found, expected, rtol=1e-5)
