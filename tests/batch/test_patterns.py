"""Names of results."""

from datetime import datetime
from pathlib import Path, PurePosixPath

import pytest

from hdrfuse.batch.patterns import NamePattern
from hdrfuse.brackets.discovered import FoundScene
from hdrfuse.brackets.scene import Scene
from hdrfuse.errors import UsageError


def found(taken=datetime(2024, 5, 4, 16, 20), name="beach"):
    files = (Path("day/IMG_1.v2.jpg"), Path("day/IMG_3.jpg"))
    return FoundScene(
        scene=Scene(name=name, files=files, folder=None), folder=Path("day"), grouped_by="exposures",
        evs=(0.0, 2.0), captured_at=taken,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{scene}", "beach"), ("{first}-{last}", "IMG_1.v2-IMG_3"), ("{date}_{scene}", "2024-05-04_beach"),
        ("{date:%Y%m%d-%H%M}", "20240504-1620"), ("{date:%Y/%m}", "2024-05"), ("hdr/{scene}.final", "hdr/beach.final"),
        ("{scene}{scene}", "beachbeach"),
    ],
)  # fmt: skip
def test_a_pattern_is_filled_with_what_is_known(pattern, name):
    assert NamePattern(pattern).fill(found()) == PurePosixPath(name)


def test_a_scene_without_a_clock_is_undated():
    assert str(NamePattern("{date:%Y}-{scene}").fill(found(taken=None))) == "undated-beach"


def test_what_is_filled_in_is_no_pattern():
    assert str(NamePattern("{scene}").fill(found(name="{first}"))) == "{first}"


@pytest.mark.parametrize(
    "pattern", ["{camera}", "{scene:%Y}", "{scene.__class__}", "{}", "{scene", "scene}", "", "/tmp/{scene}",
                "../{scene}", "a/../../{scene}", "{scene}/", ".."],
)  # fmt: skip
def test_a_pattern_that_names_nothing_known_or_leaves_its_folder_is_refused(pattern):
    with pytest.raises(UsageError, match="--name"):
        NamePattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("{date:..}/{scene}", "dated"), ("{date:.}{date:.}/{scene}", "dated"), ("a/{date:..}/b", "dated"),
        ("{date:.}", "dated"), ("{date:.}{scene}", "dated"), (".{scene}", "dated"), (".report/{scene}", "dated"),
        ("{date:con}", "dated"), ("{date:a.}/{scene}", "dated"), ("{date:%n}{scene}", "dated"),
        ("nul.{scene}", "dated"), ("{scene}\0", "dated"), ("COM1/{scene}", "undated"),
        ("{date:\ud800}/{scene}", "dated"), *((f"{{scene}}{letter}", "dated") for letter in '<>:"|?*\\'),
        ("*", "dated"), ("a?/{scene}", "dated"), ("{date:%H:%M}", "dated"),
    ],
)  # fmt: skip
def test_a_name_that_leaves_its_folder_or_not_every_system_has_is_refused_whatever_gave_it(pattern, taken):
    with pytest.raises(UsageError, match="--name"):
        NamePattern(pattern).fill(found() if taken == "dated" else found(taken=None))


@pytest.mark.parametrize("name", ["CON", ".beach", "Smith St.", "a\nb", "Who? Me*"])
def test_a_name_that_the_shoot_has_already_is_taken_as_it_is(name):
    assert str(NamePattern("{scene}").fill(found(name=name))) == name
    assert str(NamePattern("hdr/{scene}/{date}").fill(found(name=name))) == f"hdr/{name}/2024-05-04"


def test_what_the_shoot_has_in_its_name_already_may_stand_beside_more():
    assert str(NamePattern("{scene}-hdr").fill(found(name="Where?"))) == "Where?-hdr"
