"""Exposures in file names: read as they are meant, or not at all."""

from pathlib import Path

import pytest

from hdrfuse.brackets.named_exposure import ev_of_name, wording_without_ev

STATED = {
    "beach_-2EV": -2, "beach_+2EV": 2, "beach_0EV": 0, "beach_2EV": 2, "2EV": 2, "-2ev": -2, "beach (-2EV)": -2,
    "beach_1.5ev": 1.5, "beach_-0.67 EV": -0.67, "beach -2 EV": -2, "beach-2EV": -2, "DSC_0012_-2EV": -2,
    "DSC_0012-2EV": -2, "IMG_0042_-1EV": -1, "beach_12_3EV": 3, "IMG_0001_3EV": 3, "2024-01-05_2EV": 2,
    "ev+1": 1, "EV-3": -3, "beach_ev_2": 2, "beach_EV_-2": -2, "ev0.5_beach": 0.5, "EV=-1.5": -1.5, "EV-1_beach": -1,
    "-2EV_0042": -2, "+1EV_2": 1, "IMG_0042 EV+1": 1, "EV-2_-2EV": -2,
    "sea_\u22122EV": -2, "sea_\u20132EV": -2, "sea_\u20142EV": -2, "sea_\u20122ev": -2, "sea_\u20112EV": -2,
    "EV\u22122": -2, "sea_\uff0d\uff12\uff25\uff36": -2, "sea_\uff0b\uff11\uff0e\uff15EV": 1.5, "\ufe632EV": -2,
    "sea_-0,7EV": -0.7, "sea_+0,7EV": 0.7, "sea_0,7EV": 0.7, "EV-1,3": -1.3, "sea_+0p7EV": 0.7, "sea_-1p33ev": -1.33,
    "sea_-1_3EV": -1 / 3, "sea_+1_3EV": 1 / 3, "sea_-2_3 EV": -2 / 3, "sea_-1-3EV": -1 / 3, "+4_3EV": 4 / 3,
    "sea_-1_2EV": -0.5, "sea_-1\u20443EV": -1 / 3, "sea_1\u20443EV": 1 / 3, "sea_-\u2153EV": -1 / 3,
    "sea_\u00bdEV": 0.5,
    "EV-1\u20443": -1 / 3, "sea_minus2ev": -2, "sea_minus_2EV": -2, "sea minus 2 EV": -2, "plus2ev": 2,
    "neg1.5ev": -1.5,
    "sea_minus_1_3EV": -1 / 3, "EV_minus1": -1, "ev minus 1": -1, "sea_1\u22153EV": 1 / 3,
    "terminus_2EV": 2, "negative_2EV": -2,
}  # fmt: skip

UNCLEAR = (
    "beach", "IMG_0042", "seven2", "level3", "rev2", "3 events", "dev1", "EV", "beach_EV", "EV_beach",
    "m2ev", "beach2ev", "terminus2ev", "x-2-1EV", "1-3EV", "sea_1_3EV", "sea_2_3EV", "sea_3_2EV", "set-4_3EV", "--2EV",
    "+-2EV", "minus-2EV", "-minus2EV", "beach - 2EV", "beach_-_2EV", "minus  2EV", "2EV2", "2EV-2", "ev1_2ev",
    "EV1EV2", "-1EV_+1EV", "1.2.3EV", "sea_.7EV", "12-3EV", "sea_-2_2EV", "1\u00bdEV", "EV-1\u00bd", "\u22152EV",
    "EVplus2", "IMG_0042EV", "EV_0042", "EV-123", "EV1.2.3", "ev1a", "EV-1_3", "EV-1-2", "1080p2EV", "sea_~2EV",
    "ev--2",
)  # fmt: skip


@pytest.mark.parametrize(("name", "ev"), STATED.items())
def test_names_state_exposures(name, ev):
    assert ev_of_name(Path(f"{name}.jpg")) == pytest.approx(ev)


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_name_that_states_none_or_several_is_not_read(name):
    assert ev_of_name(Path(f"{name}.jpg")) is None


@pytest.mark.parametrize(
    "names",
    [
        ("sea_\u22122EV", "sea_0EV", "sea_+2EV"), ("sea_-0,7EV", "sea_0EV", "sea_+0,7EV"), ("sea_-1_3EV", "sea_0EV"),
        ("sea_minus2ev", "sea_0ev", "sea_plus2ev"), ("EV-2 sea", "EV+2 sea"),
    ],
)  # fmt: skip
def test_names_that_differ_in_their_ev_have_one_wording(names):
    assert len({wording_without_ev(Path(f"{name}.jpg")) for name in names}) == 1
