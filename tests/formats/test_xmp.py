"""XMP is asked where EXIF says nothing: as attributes, as elements, and never at any price."""

import io
from datetime import datetime, timedelta, timezone

import pytest
import tifffile
from cost import costs_at_most
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from hdrfuse.formats import Capture, read_header, read_image
from hdrfuse.formats.exif import read_exif_block
from hdrfuse.formats.xmp import LARGEST_PACKET_BYTES, Xmp

NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://ns.adobe.com/exif/1.0/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
)
ISO_LIST = "<e:ISOSpeedRatings><rdf:Seq><rdf:li>100</rdf:li><rdf:li>7</rdf:li></rdf:Seq></e:ISOSpeedRatings>"


def packet(attributes="", elements="") -> bytes:
    text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}><rdf:Description rdf:about="" {attributes}>'
    text += f"{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    return f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{text}   <?xpacket end="w"?>'.encode()


AS_ATTRIBUTES = packet(
    'e:ExposureTime="1/60" e:FNumber="8/1" e:ExposureBiasValue="-4/3" e:DateTimeOriginal="2024-03-25T20:47:37+02:00"'
    ' tiff:Make="NIKON CORPORATION" tiff:Model="NIKON D90" tiff:Orientation="6"',
    ISO_LIST,
)
AS_ELEMENTS = packet(
    "",
    "<e:ExposureTime>1/60</e:ExposureTime><e:FNumber> 8 </e:FNumber><e:ExposureBiasValue>-4/3</e:ExposureBiasValue>"
    "<e:DateTimeOriginal>2024-03-25T20:47:37+02:00</e:DateTimeOriginal><tiff:Make>NIKON CORPORATION</tiff:Make>"
    f"<tiff:Model>NIKON D90</tiff:Model><tiff:Orientation>6</tiff:Orientation>{ISO_LIST}",
)
STATED = Capture(
    exposure_time_s=1 / 60,
    f_number=8,
    iso=100,
    exposure_bias_ev=-4 / 3,
    captured_at=datetime(2024, 3, 25, 20, 47, 37, tzinfo=timezone(timedelta(hours=2))),
    camera="NIKON D90",
)


@pytest.mark.parametrize("xmp", [AS_ATTRIBUTES, AS_ELEMENTS, AS_ELEMENTS + bytes(3)])
def test_a_packet_says_what_exif_would(xmp):
    read = read_exif_block(None, xmp)
    assert read.capture == STATED
    assert read.orientation == 6


def test_exif_comes_before_xmp_value_by_value(camera_exif):
    camera_exif[274] = 3
    del camera_exif.get_ifd(34665)[37380]
    read = read_exif_block(camera_exif.tobytes()[6:], AS_ATTRIBUTES)
    assert (read.capture.exposure_time_s, read.capture.f_number, read.capture.iso) == (0.01, 2.8, 400)
    assert read.capture.exposure_bias_ev == -4 / 3
    assert read.orientation == 3


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_every_format_that_carries_xmp_is_asked_for_it(tmp_path, picture, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "jpg":
        Image.fromarray(picture).save(path, xmp=AS_ELEMENTS)
    elif suffix == "png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", AS_ELEMENTS.decode())
        Image.fromarray(picture).save(path, pnginfo=info)
    else:
        tifffile.imwrite(path, picture, photometric="rgb", extratags=[(700, "B", len(AS_ELEMENTS), AS_ELEMENTS, True)])
    image = read_image(path)
    assert image.header.capture == STATED
    assert image.header == read_header(path)
    assert image.pixels.shape == (71, 49, 3)


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE x [<!ENTITY a "1/60">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
    ],
)
def test_a_packet_that_declares_entities_says_nothing(prologue):
    for encoding in ("utf-8", "utf-16"):
        xmp = (prologue + AS_ATTRIBUTES.decode().partition("?>")[2]).encode(encoding)
        assert read_exif_block(None, xmp).capture == Capture()


def test_a_packet_costs_little_time_and_one_that_is_too_large_none():
    elements = "<e:A/>" * (LARGEST_PACKET_BYTES // 8)
    with costs_at_most(5.0):
        assert Xmp(packet('e:FNumber="8"', elements)).number("exif:FNumber") == 8
        assert Xmp(packet('e:FNumber="8"', elements * 2)).number("exif:FNumber") is None


@pytest.mark.parametrize("value", ["", "1/0", "nan", "1e400", "inf/inf", "eight", "1/60/2", "-1"])
def test_a_value_that_is_none_counts_as_none(value):
    assert read_exif_block(None, packet(f'e:ExposureTime="{value}"')).capture == Capture()


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=60), st.integers(0, len(AS_ELEMENTS)))
def test_a_damaged_packet_says_something_or_nothing(noise, at):
    assert isinstance(read_exif_block(None, AS_ELEMENTS[:at] + noise + AS_ELEMENTS[at + 20 :]).capture, Capture)


def test_xmp_behind_another_packet_is_no_exif():
    assert read_exif_block(io.BytesIO(AS_ATTRIBUTES).getvalue()).capture == Capture()
