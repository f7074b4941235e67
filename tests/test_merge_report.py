"""The report of a merge: typed inside, and for every script the JSON that hdrfuse has written since 0.1.0."""

import copy
import json

import numpy as np
import pytest

import hdrfuse
from hdrfuse.batch.forms import is_report
from hdrfuse.merge_report import MergeReport

DOCUMENT = {
    "hdrfuse": "0.2.0",
    "scene": "beach",
    "method": "lfdiff",
    "size": [1200, 800],
    "inputs": [
        {
            "path": "/card/a.jpg",
            "capture": {"exposure_time_s": 0.004, "iso": 200.0, "captured_at": "2024-05-04T16:20:00.500000",
                        "camera": "Body A", "bracket_shot": 1},
            "name": "a.jpg", "ev": -2.0, "ev_source": "EXIF", "gain_ev": -0.0, "noise": {"shot": 5e-06, "read": 2e-08},
            "ghost_fraction": 0.12356, "shift_px": 0.0, "registration": "identity",
        },
        {
            "path": None, "capture": {}, "name": "b.jpg", "ev": 0.0, "ev_source": "given", "gain_ev": 0.0002,
            "noise": {"shot": 8e-06, "read": 3e-08}, "ghost_fraction": 0.0,
        },
    ],
    "reference": {"index": 1, "name": "b.jpg"},
    "response": {"curve": "fitted", "residual_ev": 0.0121, "srgb_residual_ev": None},
    "ghost_fraction": 0.1,
    "filled_fraction": 0.02,
    "warnings": ["odd"],
    "unseen_fraction": 0.25,
    "network": {"weights": "fast", "sha256": "ab", "frames": ["a.jpg", "b.jpg", "b.jpg"], "share": 0.5, "tile_px": 128,
                "tiles": 3, "settled_tiles": 4, "device": "cpu", "precision": "float32"},
    "tiles": 3,
    "seconds": {"reading": 0.1, "merging": 0.2, "total": 0.5},
    "peak_memory_mb": 97.7,
    "outputs": {"radiance": "/hdr/beach.exr", "ghost_map": "/hdr/beach.ghost.png"},
}  # fmt: skip
"""Keys and their order are what scripts and journals have read since 0.1.0 (`unseen_fraction`: 0.2.0)."""


def without(document, *names):
    return {name: value for name, value in document.items() if name not in names}


def test_the_json_keeps_its_keys_their_order_and_their_values():
    assert json.dumps(MergeReport.from_json(DOCUMENT).as_json()) == json.dumps(DOCUMENT)


def test_a_merge_without_network_and_registration_says_so_as_ever():
    plain = {**DOCUMENT, "network": None, "tiles": None, "inputs": DOCUMENT["inputs"][1:]}
    plain["reference"] = {"index": 0, "name": "b.jpg"}
    report = MergeReport.from_json(plain)
    assert report.network is None
    assert report.reference_frame.shift_px is None
    assert json.dumps(report.as_json()) == json.dumps(plain)


def test_an_estimates_interval_is_kept():
    first, second = DOCUMENT["inputs"]
    estimated = {**second, "ev_source": "estimate", "ev_interval": [-0.5, 1.25]}
    document = {**DOCUMENT, "inputs": [first, estimated]}
    assert is_report(document)
    report = MergeReport.from_json(document)
    assert [frame.ev_interval for frame in report.frames] == [None, (-0.5, 1.25)]
    assert json.dumps(report.as_json()) == json.dumps(document)
    estimated["ev_interval"] = [-0.5]
    assert not is_report(document)


@pytest.mark.parametrize("prior", ["block-means", "off"])
def test_the_prior_is_said_of_networks_that_have_one(prior):
    document = {**DOCUMENT, "network": {**DOCUMENT["network"], "prior": prior}}
    assert is_report(document)
    assert MergeReport.from_json(document).network.prior == prior
    assert json.dumps(MergeReport.from_json(document).as_json()) == json.dumps(document)
    assert not is_report({**DOCUMENT, "network": {**DOCUMENT["network"], "prior": 1}})


def test_a_report_of_0_1_0_which_knew_no_frames_without_data_is_read():
    earlier = without(DOCUMENT, "unseen_fraction")
    assert is_report(earlier)
    assert MergeReport.from_json(earlier).unseen_fraction == 0.0


@pytest.mark.parametrize("name", ["hdrfuse", "scene", "method", "response", "filled_fraction", "ghost_fraction"])
def test_a_document_that_lacks_what_every_version_wrote_is_no_report(name):
    assert is_report(DOCUMENT)
    assert not is_report(without(DOCUMENT, name))


def test_what_a_merge_in_memory_reports_is_the_same_document_without_files():
    shot = np.random.default_rng(1).uniform(0.0, 0.2, (48, 64, 3)).astype(np.float32)
    merged = hdrfuse.merge([shot, shot * 4], [0, 2], method="classical", align=False)
    document = merged.report.as_json()
    assert is_report(document)
    assert list(document) == list(DOCUMENT)
    assert document["outputs"] == {}
    assert document["ghost_fraction"] == merged.report.ghost_fraction
    assert [entry["path"] for entry in document["inputs"]] == [None, None]
    assert MergeReport.from_json(document) == merged.report


ODD = [None, 0, -1, 1.5, float("nan"), float("inf"), "", "text", "\x00", "\ud800", [], {}, [1, 2], ["a"], True, 10**400]


def places(value, place=()):
    """Where values stand in a document, as keys to follow."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*place, key)
        yield from places(each, (*place, key))


def test_whatever_the_journal_takes_for_a_report_can_be_read_and_written_again():
    accepted = 0
    for place in places(DOCUMENT):
        for odd in ODD:
            document = copy.deepcopy(DOCUMENT)
            holder = document
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = odd
            if is_report(document):
                json.dumps(MergeReport.from_json(document).as_json())
                accepted += 1
    assert accepted > 100
