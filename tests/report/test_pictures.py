from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hdrfuse.errors import ImageError
from hdrfuse.report.pictures import CROPS, WHOLE, Album, Inlined, thumbnail

from .pages import jpeg, photograph

PREFIX = "data:image/jpeg;base64,"


def decoded(inlined: Inlined) -> Image.Image:
    assert inlined.uri.startswith(PREFIX)
    image = Image.open(BytesIO(b64decode(inlined.uri.removeprefix(PREFIX), validate=True)))
    image.load()
    return image


def test_a_large_picture_is_shrunk_and_states_its_size(tmp_path):
    (inlined,) = Album(shares=1).inline([photograph(tmp_path / "a.jpg", 1)])
    image = decoded(inlined)
    assert image.format == "JPEG"
    assert image.size == (inlined.width, inlined.height) == (1024, 683)


def test_a_small_picture_keeps_its_size_and_colours(tmp_path):
    image = decoded(Album(shares=1).inline([jpeg(tmp_path / "a.jpg", (200, 40, 40))])[0])
    assert image.size == (480, 320)
    assert np.abs(np.asarray(image, int) - (200, 40, 40)).max() < 8


def test_bytes_and_png_with_alpha_or_one_channel_are_taken():
    for mode in ("RGBA", "L", "P", "1"):
        stream = BytesIO()
        Image.new(mode, (40, 30)).save(stream, "PNG")
        assert decoded(Album(shares=1).inline([stream.getvalue()])[0]).mode == "RGB"


def test_all_pictures_together_stay_within_the_page(tmp_path):
    paths = [photograph(tmp_path / f"{index}.jpg", index, (900, 600)) for index in range(6)]
    album = Album(shares=6, page_bytes=300_000)
    inlined = [album.inline(paths[index : index + 2]) for index in (0, 2, 4)]
    assert 150_000 < sum(len(each.uri) for pair in inlined for each in pair) < 300_000
    assert all(one.width == other.width for one, other in inlined)


def test_what_small_pictures_leave_goes_to_the_others(tmp_path):
    small, large = jpeg(tmp_path / "small.jpg"), photograph(tmp_path / "large.jpg", 1)
    alone = Album(shares=1, page_bytes=60_000).inline([large])[0]
    album = Album(shares=4, page_bytes=240_000)
    for _ in range(3):
        album.inline([small])
    assert album.inline([large])[0].width > alone.width


def test_crops_are_stored_nearly_without_loss(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).resize((128, 128), Image.Resampling.BICUBIC).save(tmp_path / "crop.png")
    whole, crop = (decoded(Album(shares=1).inline([tmp_path / "crop.png"], ladder)[0]) for ladder in (WHOLE, CROPS))
    truth = np.asarray(Image.open(tmp_path / "crop.png"), int)
    errors = [np.abs(np.asarray(each, int) - truth).mean() for each in (whole, crop)]
    assert errors[1] < 3 < errors[0]


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff\xe0 no more", None])
def test_a_damaged_or_missing_picture_is_named(tmp_path, content):
    path = tmp_path / "gone.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=r"gone\.jpg: cannot be shown"):
        Album(shares=1).inline([path])


def test_a_truncated_picture_is_named(tmp_path):
    path = photograph(tmp_path / "half.jpg", 1, (300, 200))
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(ImageError, match=r"half\.jpg"):
        thumbnail(path)


def test_a_page_that_may_weigh_nothing_still_shows_something(tmp_path):
    assert Album(shares=0).inline([]) == []
    assert Album(shares=0, page_bytes=0).inline([jpeg(tmp_path / "a.jpg")])[0].width == WHOLE.steps[-1][0]
