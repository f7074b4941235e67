import struct

import numpy as np
import OpenEXR
import pytest

from hdrfuse.errors import ImageError
from hdrfuse.formats import REC709, Capture, read_header, read_image

ALL_COMPRESSIONS = ["NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB", "HTJ2K256", "HTJ2K32"]
LOSSY = {"PXR24": 1e-4, "B44": 0.2, "B44A": 0.2, "DWAA": 0.2, "DWAB": 0.2}


def write_exr(path, channels, **header):
    attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage} | header
    with OpenEXR.File(attributes, channels) as file:
        file.write(str(path))
    return path


@pytest.fixture
def radiance(picture):
    return (picture / 16.0).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("compression", ALL_COMPRESSIONS)
def test_every_compression_is_read(tmp_path, radiance, dtype, compression):
    stored = radiance.astype(dtype)
    compressed_by = getattr(OpenEXR, f"{compression}_COMPRESSION")
    image = read_image(write_exr(tmp_path / "a.exr", {"RGB": stored}, compression=compressed_by))
    assert image.pixels.dtype == np.float32
    assert image.header.linear
    np.testing.assert_allclose(image.pixels, stored, rtol=0, atol=LOSSY.get(compression, 0))
    assert image.header == read_header(tmp_path / "a.exr")


def test_a_tiled_file_is_read(tmp_path, radiance):
    path = tmp_path / "a.exr"
    write_exr(path, {"RGB": radiance}, type=OpenEXR.tiledimage, tiles=OpenEXR.TileDescription())
    np.testing.assert_array_equal(read_image(path).pixels, radiance)


def test_separate_channels_alpha_and_depth_do_not_matter(tmp_path, radiance):
    red, green, blue = (np.ascontiguousarray(radiance[..., i]) for i in range(3))
    others = {"A": np.ones_like(red).astype(np.float16), "Z": red * 100}
    path = write_exr(tmp_path / "a.exr", {"R": red, "G": green, "B": blue} | others)
    np.testing.assert_array_equal(read_image(path).pixels, radiance)


def test_a_layer_s_channels_are_found(tmp_path, radiance):
    planes = {f"beauty.{name}": np.ascontiguousarray(radiance[..., i]) for i, name in enumerate("RGB")}
    np.testing.assert_array_equal(read_image(write_exr(tmp_path / "a.exr", planes)).pixels, radiance)


def test_a_grey_file_says_one_channel(tmp_path, radiance):
    image = read_image(write_exr(tmp_path / "a.exr", {"Y": np.ascontiguousarray(radiance[..., 0])}))
    assert image.header.channels == 1
    np.testing.assert_array_equal(image.pixels, np.repeat(radiance[..., :1], 3, axis=2))


def test_channels_that_are_no_picture_are_refused_by_name(tmp_path, radiance):
    path = write_exr(tmp_path / "a.exr", {"Z": np.ascontiguousarray(radiance[..., 0])})
    with pytest.raises(ImageError, match="channels Z; expected R G B or Y"):
        read_header(path)


def test_the_picture_is_the_data_window(tmp_path, radiance):
    height, width = radiance.shape[:2]
    window = (np.array([5, -6], "i4"), np.array([5 + width - 1, -6 + height - 1], "i4"))
    display = (np.array([0, 0], "i4"), np.array([127, 127], "i4"))
    path = write_exr(tmp_path / "a.exr", {"RGB": radiance}, dataWindow=window, displayWindow=display)
    np.testing.assert_array_equal(read_image(path).pixels, radiance)


def test_capture_and_chromaticities_are_read_back(tmp_path, radiance):
    space = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
    path = write_exr(
        tmp_path / "a.exr",
        {"RGB": radiance},
        chromaticities=space,
        expTime=0.004,
        aperture=5.6,
        isoSpeed=100.0,
        capDate="2020:01:02 03:04:05",
        utcOffset=-7200.0,
        cameraMake="SONY",
        cameraModel="ILCE-7M3",
    )
    header = read_header(path)
    assert header.chromaticities == space
    capture = header.capture
    assert (capture.exposure_time_s, capture.f_number, capture.iso) == (0.004, 5.6, 100)
    assert capture.captured_at.isoformat() == "2020-01-02T03:04:05+02:00"
    assert capture.camera == "SONY ILCE-7M3"


def test_without_chromaticities_the_format_s_default_holds(tmp_path, radiance):
    assert read_header(write_exr(tmp_path / "a.exr", {"RGB": radiance})).chromaticities == REC709


def test_an_infinite_pixel_is_refused(tmp_path, radiance):
    radiance[3, 4, 0] = np.inf
    with pytest.raises(ImageError, match="1 of 10,437 values are NaN or infinite"):
        read_image(write_exr(tmp_path / "a.exr", {"RGB": radiance}))


def test_the_white_of_a_clipped_file_is_its_plateau(tmp_path, radiance):
    assert read_image(write_exr(tmp_path / "a.exr", {"RGB": np.minimum(radiance, 4)})).white == 4
    assert read_image(write_exr(tmp_path / "b.exr", {"RGB": radiance / 16})).white == 1


@pytest.mark.parametrize("compression", ALL_COMPRESSIONS)
def test_a_truncated_file_is_refused_without_noise(tmp_path, radiance, compression, capfd):
    compressed_by = getattr(OpenEXR, f"{compression}_COMPRESSION")
    path = write_exr(tmp_path / "a.exr", {"RGB": radiance}, compression=compressed_by)
    whole = path.read_bytes()
    for kept in (4, 9, 100, 330, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(ImageError):
            read_image(path)
    assert capfd.readouterr() == ("", "")


def test_a_chunk_that_was_never_written_is_refused(tmp_path, radiance):
    path = write_exr(tmp_path / "a.exr", {"RGB": radiance})
    data = bytearray(path.read_bytes())
    table = data.index(b"scanlineimage") + len(b"scanlineimage") + 1
    data[table : table + 8] = bytes(8)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="chunk 0 of 4 was never written"):
        read_image(path)


def test_damaged_pixels_are_refused_without_noise(tmp_path, radiance, capfd):
    path = write_exr(tmp_path / "a.exr", {"RGB": radiance})
    data = bytearray(path.read_bytes())
    table = data.index(b"scanlineimage") + len(b"scanlineimage") + 1
    first = int.from_bytes(data[table : table + 8], "little")
    data[first + 20 : first + 30] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="its pixels cannot be decoded"):
        read_image(path)
    assert capfd.readouterr() == ("", "")


def test_a_lie_about_the_size_is_refused(tmp_path, radiance):
    path = write_exr(tmp_path / "a.exr", {"RGB": radiance})
    data = bytearray(path.read_bytes())
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    data[at : at + 16] = struct.pack("<4i", 0, 0, 29_999, 29_999)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="30000x30000"):
        read_header(path)


def test_tiles_larger_than_the_picture_by_far_are_refused(tmp_path, radiance):
    path = tmp_path / "a.exr"
    write_exr(path, {"RGB": radiance}, type=OpenEXR.tiledimage, tiles=OpenEXR.TileDescription())
    data = bytearray(path.read_bytes())
    at = data.index(b"tiles\0tiledesc\0") + len(b"tiles\0tiledesc\0") + 4
    data[at : at + 8] = struct.pack("<2I", 2**20, 2**15)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="tiles of 1048576x32768"):
        read_header(path)


def test_several_parts_are_refused(tmp_path, radiance):
    path = tmp_path / "a.exr"
    parts = [OpenEXR.Part({}, {"RGB": radiance}, name) for name in ("left", "right")]
    with OpenEXR.File(parts) as file:
        file.write(str(path))
    with pytest.raises(ImageError, match="deep or multi-part"):
        read_header(path)


@pytest.mark.parametrize("value", [-1.0, 0.0, float("nan"), float("inf"), -float("inf"), 1e9])
def test_a_capture_that_no_camera_states_is_not_stated(tmp_path, radiance, value):
    names = ("expTime", "aperture", "isoSpeed", "nominalFocalLength")
    path = write_exr(tmp_path / "a.exr", {"RGB": radiance}, **dict.fromkeys(names, value))
    assert read_header(path).capture == Capture()


def test_a_camera_s_name_is_text_on_one_line(tmp_path, radiance):
    path = write_exr(tmp_path / "a.exr", {"RGB": radiance}, cameraModel="Acme \x1b[2J\n1", lensModel="\u202egnp.50mm")
    capture = read_header(path).capture
    assert (capture.camera, capture.lens) == ("Acme [2J 1", "gnp.50mm")
