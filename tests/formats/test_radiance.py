import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrfuse.errors import ImageError
from hdrfuse.formats import RadianceFacts, read_header, read_image, write_image
from hdrfuse.formats.icc import REC2020


@pytest.fixture
def radiance(picture):
    return (picture / 16.0).astype(np.float32)


def flat(rgbe, head=b"", size=None) -> bytes:
    height, width = rgbe.shape[:2]
    size = size or b"-Y %d +X %d" % (height, width)
    return b"#?RADIANCE\n" + head + b"FORMAT=32-bit_rle_rgbe\n\n" + size + b"\n" + rgbe.tobytes()


@pytest.fixture
def rgbe():
    """Stored pixels (9, 5, 4): too narrow for run lengths."""
    pixels = np.random.default_rng(3).integers(2, 250, (9, 5, 4), dtype=np.uint8)
    pixels[..., 3] = 130
    return pixels


def linear(rgbe):
    return np.ldexp(rgbe[..., :3].astype(np.float32), rgbe[..., 3:].astype(int) - 136)


def test_run_lengths_are_read_as_opencv_reads_them(tmp_path, radiance):
    path = tmp_path / "a.hdr"
    cv2.imwrite(str(path), radiance)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1])
    assert image.header.linear
    assert image.header == read_header(path)


def test_flat_pixels_are_read(tmp_path, rgbe):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe))
    np.testing.assert_array_equal(read_image(path).pixels, linear(rgbe))


@pytest.mark.parametrize("width", [7, 8, 9, 130])
def test_flat_pixels_of_any_width_are_read(tmp_path, width):
    pixels = np.full((4, width, 4), 129, np.uint8)
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(pixels))
    np.testing.assert_array_equal(read_image(path).pixels, linear(pixels))


@pytest.mark.parametrize(
    ("size", "turn"),
    [
        (b"-Y 9 +X 5", lambda p: p),
        (b"+Y 9 +X 5", lambda p: p[::-1]),
        (b"-Y 9 -X 5", lambda p: p[:, ::-1]),
        (b"+Y 9 -X 5", lambda p: p[::-1, ::-1]),
        (b"+X 9 -Y 5", lambda p: p.transpose(1, 0, 2)),
        (b"+X 9 +Y 5", lambda p: p.transpose(1, 0, 2)[::-1]),
        (b"-X 9 -Y 5", lambda p: p.transpose(1, 0, 2)[:, ::-1]),
        (b"-X 9 +Y 5", lambda p: p.transpose(1, 0, 2)[::-1, ::-1]),
    ],
)
def test_every_order_of_scan_lines_comes_out_upright(tmp_path, rgbe, size, turn):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe, size=size))
    image = read_image(path)
    expected = turn(linear(rgbe))
    np.testing.assert_array_equal(image.pixels, expected)
    assert (image.header.height, image.header.width) == expected.shape[:2]


def test_exposures_multiply_and_are_divided_out(tmp_path, rgbe):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe, head=b"EXPOSURE=2.0\nEXPOSURE= 4\nCOLORCORR= 1 2 0.5\n"))
    np.testing.assert_allclose(read_image(path).pixels, linear(rgbe) / [8, 16, 4], rtol=1e-6)


def test_primaries_are_read(tmp_path, rgbe):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe, head=b"PRIMARIES= " + b" ".join(b"%g" % value for value in REC2020) + b"\n"))
    assert read_header(path).chromaticities == REC2020


@pytest.mark.parametrize("line", [b"EXPOSURE=0", b"EXPOSURE=nan", b"EXPOSURE=", b"PRIMARIES=1 2 3", b"EXPOSURE=-1"])
def test_a_line_that_makes_no_sense_is_refused(tmp_path, rgbe, line):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe, head=line + b"\n"))
    with pytest.raises(ImageError, match="damaged Radiance file"):
        read_header(path)


def test_xyze_is_refused_by_name(tmp_path, rgbe):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe).replace(b"rgbe", b"xyze"))
    with pytest.raises(ImageError, match="format '32-bit_rle_xyze'; expected '32-bit_rle_rgbe'"):
        read_header(path)


@pytest.mark.parametrize("rows", [-1, 1, 5])
def test_missing_or_surplus_scan_lines_are_refused_without_noise(tmp_path, radiance, rgbe, rows, capfd):
    path = tmp_path / "a.hdr"
    cv2.imwrite(str(path), radiance)
    path.write_bytes(path.read_bytes().replace(b"-Y 49", b"-Y %d" % (49 + rows)))
    with pytest.raises(ImageError, match="scan lines are not all there"):
        read_image(path)
    path.write_bytes(flat(rgbe, size=b"-Y %d +X 5" % (9 + rows)))
    with pytest.raises(ImageError, match="bytes of pixels; expected"):
        read_image(path)
    assert capfd.readouterr() == ("", "")


def test_a_wrong_width_is_refused(tmp_path, radiance):
    path = tmp_path / "a.hdr"
    cv2.imwrite(str(path), radiance)
    path.write_bytes(path.read_bytes().replace(b"+X 71", b"+X 72"))
    with pytest.raises(ImageError, match="not all there"):
        read_image(path)


def test_a_lie_about_the_size_is_refused(tmp_path, rgbe):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe, size=b"-Y 30000 +X 30000"))
    with pytest.raises(ImageError, match="30000x30000"):
        read_header(path)


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-6, 1e6), st.integers(0, 2**32 - 1))
def test_writing_rounds_to_the_nearest_value(tmp_path_factory, scale, seed):
    radiance = np.random.default_rng(seed).random((6, 9, 3)).astype(np.float32) * np.float32(scale)
    path = tmp_path_factory.mktemp("hdr") / "a.hdr"
    write_image(path, radiance, RadianceFacts())
    error = np.abs(read_image(path).pixels - radiance) / radiance.max(axis=2, keepdims=True)
    assert error.max() <= 1 / 256 + 1e-6


def test_writing_has_no_bias(tmp_path):
    radiance = np.random.default_rng(0).random((100, 100, 3)).astype(np.float32) + 0.5
    path = tmp_path / "a.hdr"
    write_image(path, radiance, RadianceFacts())
    assert read_image(path).pixels.mean() == pytest.approx(radiance.mean(), rel=1e-4)


def test_black_stays_black(tmp_path):
    path = tmp_path / "a.hdr"
    write_image(path, np.zeros((4, 20, 3), np.float32), RadianceFacts())
    assert not read_image(path).pixels.any()
