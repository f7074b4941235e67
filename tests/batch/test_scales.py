"""Scales: brackets of equal exposures on different ones are named, others are not."""

from dataclasses import replace

import pytest

from hdrfuse.batch.scales import differing_scales
from hdrfuse.formats import Capture

from .toys import REPORT


def report(*times_s, reference, **capture):
    frame = REPORT.frames[0]
    captures = [Capture(**{"exposure_time_s": time_s, "f_number": 8.0, "iso": 100.0, **capture}) for time_s in times_s]
    return replace(REPORT, frames=tuple(replace(frame, capture=each) for each in captures), reference=reference)


VIEW = (1 / 250, 1 / 60, 1 / 15)


def test_views_of_equal_exposures_and_other_references_are_named_in_a_line_with_the_way_out():
    reports = [("room", report(*VIEW, reference=1)), ("window", report(*VIEW, reference=0))]
    reports += [("hall", report(*VIEW, reference=1)), ("garden", report(1 / 500, 1 / 125, reference=0))]
    (line,) = differing_scales(reports)
    assert "room, hall on that of 1/60 s f/8 ISO 100" in line
    assert "window on that of 1/250 s f/8 ISO 100" in line
    assert "--reference 1," in line
    assert "garden" not in line


@pytest.mark.parametrize(
    "other",
    [
        report(*VIEW, reference=1), report(*VIEW, reference=0, iso=200), report(*VIEW, reference=0, f_number=5.6),
        report(1 / 250, 1 / 60, reference=0), report(1 / 250, 1 / 60, 1 / 8, reference=0),
        report(*VIEW, reference=0, exposure_time_s=None),
    ],
)  # fmt: skip
def test_equal_references_and_unlike_exposures_are_no_matter(other):
    assert differing_scales([("room", report(*VIEW, reference=1)), ("window", other)]) == []


def test_the_cameras_rounding_is_no_difference():
    rounded = report(0.004, 0.0166667, 0.0666667, reference=0)
    assert len(differing_scales([("room", report(*VIEW, reference=1)), ("window", rounded)])) == 1


def test_a_line_names_no_more_than_some_of_many_scenes():
    reports = [(f"view{number:03d}", report(*VIEW, reference=number % 2)) for number in range(200)]
    (line,) = differing_scales(reports)
    assert "view000, view002, view004, view006 and 96 more" in line
    assert len(line) < 500
