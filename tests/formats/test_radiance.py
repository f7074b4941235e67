import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hdrfuse.errors import ImageError
from hdrfuse.formats import REC709, Capture, RadianceFacts, read_header, read_image, write_image
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


NARROW, WIDE = (6, 5), (6, 300)


def stored_pixels(shape):
    """Stored pixels (*shape, 4): noise, then a run to the end of the line, longer from line to line."""
    pixels = np.random.default_rng(7).integers(128, 250, (*shape, 4), dtype=np.uint8)
    for line, row in enumerate(pixels):
        row[shape[1] - 1 - line * shape[1] // len(pixels) :] = row[-1]
    return pixels


def old_encoding(row) -> bytes:
    """A line with runs: a count in the digits of the base 256, the lowest first, zeros among them."""
    stored, at = b"", 0
    while at < len(row):
        length = next((n for n in range(1, len(row) - at) if (row[at + n] != row[at]).any()), len(row) - at)
        stored += row[at].tobytes()
        rest = length - 1
        while rest:
            stored += bytes((1, 1, 1, rest % 256))
            rest //= 256
        at += length
    return stored


def new_encoding(row) -> bytes:
    stored = b"\2\2" + len(row).to_bytes(2)
    for channel in row.T:
        for at in range(0, len(channel), 100):
            part = channel[at : at + 100]
            same = (part == part[0]).all()
            stored += bytes((128 + len(part), part[0])) if same else bytes((len(part),)) + part.tobytes()
    return stored


def flat_line(row) -> bytes:
    return row.tobytes()


@pytest.mark.parametrize(
    ("shape", "encodings"),
    [
        (NARROW, [old_encoding]),
        (WIDE, [old_encoding]),
        (WIDE, [new_encoding]),
        (WIDE, [old_encoding, new_encoding]),
        (WIDE, [new_encoding, flat_line]),
        (WIDE, [flat_line, new_encoding, old_encoding]),
        (NARROW, [flat_line, old_encoding]),
        ((3, 2**15 + 300), [old_encoding]),
        ((3, 2**15 + 300), [flat_line]),
    ],
)
def test_scan_lines_of_any_encoding_are_read(tmp_path, shape, encodings):
    pixels = stored_pixels(shape)
    stored = b"".join(encodings[line % len(encodings)](row) for line, row in enumerate(pixels))
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(pixels).removesuffix(pixels.tobytes()) + stored)
    np.testing.assert_array_equal(read_image(path).pixels, linear(pixels))


@pytest.mark.parametrize("digits", [(44, 1), (0, 0, 1), (44,)])
def test_runs_that_follow_each_other_are_the_digits_of_one_count(tmp_path, digits):
    width = 1 + sum(digit << (8 * place) for place, digit in enumerate(digits))
    stored = bytes((200, 150, 130, 129)) + b"".join(bytes((1, 1, 1, digit)) for digit in digits)
    path = tmp_path / "a.hdr"
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X %d\n" % width + 2 * stored)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, np.broadcast_to(linear(np.array([200, 150, 130, 129])), (2, width, 3)))


@pytest.mark.parametrize(
    "stored",
    [
        b"\1\1\1\5" + 5 * b"\x90\x90\x90\x81",  # a run before any pixel
        b"\x90\x90\x90\x81\1\1\1\5",  # past the end of the line
        b"\x90\x90\x90\x81\1\1\1\xff\1\1\1\xff\1\1\1\xff\1\1\1\xff\1\1\1\xff",
        b"\x90\x90\x90\x81\1\1\1\3",  # too few
        2 * b"\x90\x90\x90\x81\1\1\1\4",  # a line too many
        b"\x90\x90\x90\x81\1\1",
        b"",
    ],
)
def test_old_runs_that_are_no_line_are_refused(tmp_path, stored):
    path = tmp_path / "a.hdr"
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 5\n" + stored)
    with pytest.raises(ImageError, match="not all there"):
        read_image(path)


def test_an_exponent_of_0_is_black_in_an_old_run_too(tmp_path):
    path = tmp_path / "a.hdr"
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 5\n\x90\x90\x90\0\1\1\1\4")
    assert not read_image(path).pixels.any()


@pytest.mark.parametrize(
    "header",
    [
        b"#?RADIANCE\r\nFORMAT=32-bit_rle_rgbe\r\nEXPOSURE=2\r\n\r\n-Y 9 +X 5\r\n",
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\r\nEXPOSURE=2\n\r\n-Y 9 +X 5\n",
        b"#?RADIANCE\r\nFORMAT=32-bit_rle_rgbe\nEXPOSURE=2\r\n\n-Y 9 +X 5\r\n",
        b"#?RADIANCE\rFORMAT=32-bit_rle_rgbe\rEXPOSURE=2\r\r-Y 9 +X 5\r",
        b"#?RGBE\nFORMAT=32-bit_rle_rgbe\nEXPOSURE=2\n\n\n-Y 9 +X 5\n",
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\nEXPOSURE=2\n\n-Y 9 +X 5 \n",
        b"#?RADIANCE\nEXPOSURE=2\n-Y 9 +X 5\n",
    ],
)
def test_any_ends_of_lines_and_blank_lines_are_read(tmp_path, rgbe, header):
    path = tmp_path / "a.hdr"
    path.write_bytes(header + rgbe.tobytes())
    np.testing.assert_array_equal(read_image(path).pixels, linear(rgbe) / 2)


def test_primaries_of_zeros_state_nothing(tmp_path, rgbe):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe, head=b"PRIMARIES=0 0 0 0 0 0 0 0\n"))
    assert read_header(path).chromaticities == REC709


@pytest.mark.parametrize("value", [b"-1", b"0", b"nan", b"inf", b"1e400", b"-1e400", b"fast", b"", b"1e9"])
def test_a_capture_that_no_camera_states_is_not_stated(tmp_path, rgbe, value):
    path = tmp_path / "a.hdr"
    names = (b"exposure time (s)", b"f-number", b"ISO", b"focal length (mm)")
    path.write_bytes(flat(rgbe, head=b"".join(b"# %s: %s\n" % (name, value) for name in names)))
    assert read_header(path).capture == Capture()


def test_a_camera_s_name_is_text_on_one_line(tmp_path, rgbe):
    path = tmp_path / "a.hdr"
    path.write_bytes(flat(rgbe, head=b"# camera: Acme \x1b]0;pwn\x07 1\n# lens: \xe2\x80\xaegnp.50mm\n"))
    capture = read_header(path).capture
    assert (capture.camera, capture.lens) == ("Acme ]0;pwn 1", "gnp.50mm")


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
@example(36835.0, 0)
def test_writing_rounds_to_the_nearest_value(tmp_path_factory, scale, seed):
    radiance = np.random.default_rng(seed).random((6, 9, 3)).astype(np.float32) * np.float32(scale)
    path = tmp_path_factory.mktemp("hdr") / "a.hdr"
    write_image(path, radiance, RadianceFacts())
    error = np.abs(read_image(path).pixels - radiance) / radiance.max(axis=2, keepdims=True)
    assert error.max() <= 1 / 255.5 + 1e-6  # half a step of a pixel whose 255.5 of 256 takes the next exponent


def test_writing_has_no_bias(tmp_path):
    radiance = np.random.default_rng(0).random((100, 100, 3)).astype(np.float32) + 0.5
    path = tmp_path / "a.hdr"
    write_image(path, radiance, RadianceFacts())
    assert read_image(path).pixels.mean() == pytest.approx(radiance.mean(), rel=1e-4)


def test_black_stays_black(tmp_path):
    path = tmp_path / "a.hdr"
    write_image(path, np.zeros((4, 20, 3), np.float32), RadianceFacts())
    assert not read_image(path).pixels.any()
