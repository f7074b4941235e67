"""Photographs from real cameras, where they are at hand."""

import numpy as np
import pytest
from daily import daily
from shared_data import STACK_NAMES

from hdrfuse.formats import READABLE_SUFFIXES, read_header, read_image


def frames(folder):
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in READABLE_SUFFIXES)


@pytest.mark.parametrize("name", daily(4, STACK_NAMES))
def test_every_frame_is_read_and_as_large_as_its_header_says(name, stacks, capfd):
    sizes = set()
    for path in frames(stacks / name):
        image = read_image(path)
        assert image.header == read_header(path)
        assert image.pixels.shape == (image.header.height, image.header.width, 3)
        assert image.pixels.dtype == np.uint8
        assert image.pixels.std() > 1
        sizes.add(image.pixels.shape)
    assert len(sizes) == 1
    assert capfd.readouterr() == ("", "")


def test_exif_says_what_the_cameras_did(stacks):
    portrait = read_header(stacks / "canal-handheld/IMG_4210.jpg").capture
    assert portrait.exposure_time_s == pytest.approx(1 / 320)
    assert (portrait.f_number, portrait.iso, portrait.exposure_bias_ev) == (5.6, 100, -2)
    assert portrait.camera == "Canon EOS REBEL T2i"
    assert portrait.captured_at.microsecond == 290_000
    assert read_header(stacks / "office/office_1.jpg").capture.iso is None
    assert {read_header(path).capture.iso for path in frames(stacks / "university")} == {2500, 5000, 6400}
