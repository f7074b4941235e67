"""When two batches make the same pictures of the same frames."""

from dataclasses import replace

import pytest

from hdrfuse.batch.settings import BatchSettings
from hdrfuse.errors import UsageError
from hdrfuse.formats import Storage
from hdrfuse.imaging.calibration.response import KNOWN_CURVES
from hdrfuse.options import DisplayOptions, MergeOptions


def identity(**settings):
    groups = {"options": MergeOptions(method="classical"), "display": DisplayOptions(), "storage": Storage()}
    for group, options in groups.items():
        own = {name: settings.pop(name) for name in list(settings) if hasattr(options, name)}
        groups[group] = replace(options, **own)
    return BatchSettings(**groups, **settings).identity()


def test_the_identities_of_earlier_batches_stand():
    assert identity() == "49ba09f98f3b31d5"
    assert identity(half=False) == "77a605eee0c17f7c"
    assert identity(compression="piz", tonemap="drago") == "beba03e4686f711e"


def test_what_shapes_no_pixel_changes_no_identity():
    same = {"device": "cpu", "half": True, "compression": "zip", "formats": ("hdr", "exr"), "preview": False}
    assert identity(**same) == identity()


@pytest.mark.parametrize(
    "changed",
    [{"align": False}, {"seed": 1}, {"response": "srgb"}, {"tonemap": "drago"}, {"half": False}, {"reference": 0},
     {"exposures": (0.0, 2.0)}, {"exposures": "estimate"}, {"compression": "piz"}],
)  # fmt: skip
def test_what_shapes_a_picture_changes_the_identity(changed):
    assert identity(**changed) != identity()


def test_a_saved_curve_counts_by_its_content(tmp_path):
    for name in ("a.json", "b.json"):
        KNOWN_CURVES["srgb"]().save(tmp_path / name)
    first, same = (identity(response=tmp_path / name) for name in ("a.json", "b.json"))
    (tmp_path / "b.json").write_text((tmp_path / "b.json").read_text() + " ")
    assert first == same != identity(response=tmp_path / "b.json")


@pytest.mark.parametrize(
    ("formats", "found"),
    [
        ((), "--format '': no format was named"), (("",), "--format '': no format was named"),
        (("exr", "jpg"), "--format exr,jpg: 'jpg' is no format of results"),
        (("exr", ""), "--format exr,: '' is no format of results"),
        (("exr", "hdr", "exr"), "--format exr,hdr,exr: exr is named more than once"),
    ],
)  # fmt: skip
def test_formats_are_known_and_named_once(formats, found):
    with pytest.raises(UsageError) as caught:
        BatchSettings(formats=formats)
    assert str(caught.value) == f"{found}; expected one or several of exr, hdr, tif, such as exr,hdr"


@pytest.mark.parametrize("storage", [{"half": True}, {"compression": "piz"}])
def test_storage_that_no_format_has_is_refused(storage):
    with pytest.raises(UsageError, match=r"only \.exr"):
        BatchSettings(formats=("hdr",), storage=Storage(**storage))
