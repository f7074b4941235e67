"""Whatever file is handed in, it is read or refused in one line: in bounded time and memory, without noise or crash."""

import importlib.util
import sys
from pathlib import PurePath

import pytest
from daily import daily

from fuzz.bombs import BOMBS, Bomb
from fuzz.cases import NOT_READ, OF_EACH, files, of_suffix, prepared, sound
from fuzz.mutations import SOUND
from fuzz.observer import Limits, Observer

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the peak memory of one file is measured by Linux's /proc/self/clear_refs"
)

MOST_FAULTS = 15
"""After so many the test ends: each may have cost its whole time limit."""


def needed(suffix: str) -> None:
    if suffix == ".dng" and importlib.util.find_spec("rawpy") is None:
        pytest.skip("the raw extra is not installed")


@pytest.mark.parametrize("suffix", OF_EACH)
@pytest.mark.parametrize("share", daily(1, [0.125, 1.0]))
def test_a_mutated_file_is_read_or_refused_within_bounds(suffix, share, tmp_path):
    needed(suffix)
    faults = []
    first = of_suffix(suffix)[0]
    (tmp_path / "sound").mkdir()
    whole = prepared(first, tmp_path / "sound")
    whole.write_bytes(sound(first))
    with Observer(tmp_path, whole) as observer:
        for name, number, data, steps in files(suffix, share=share):
            path = whole.with_name(name)
            path.write_bytes(data)
            found = observer.faults_of(path)
            if number == SOUND and name not in NOT_READ and observer.outcome != "read":
                found.append(f"a sound file is not read: {observer.outcome}")
            for fault in found:
                faults.append(f"{fault}\n    of {len(data):,} bytes: {steps}\n    {made_by(name, number)}")
            if len(faults) >= MOST_FAULTS:
                break
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)


def made_by(name: str, number: int) -> str:
    path = PurePath(name)
    return f"PYTHONPATH=.:tests python -m fuzz make {name} {number} {path.stem}-{number}{path.suffix}"


def test_six_thousand_files_of_every_format_are_tried_in_all():
    counts = {suffix: len(of_suffix(suffix)) * number for suffix, number in OF_EACH.items()}
    assert sum(counts.values()) >= 6000
    assert min(counts.values()) >= 150


def test_a_file_can_be_made_again_from_its_name_and_number():
    once = list(files(".png", first=3, share=0.05))
    assert once == list(files(".png", first=3, share=0.05))
    assert len({data for _, _, data, _ in once}) > 0.9 * len(once)


DEAR = {"segments.jpg", "strips.tif", "attributes.exr"}
"""Bombs whose millions of parts take seconds to pass over."""


@pytest.fixture(scope="module")
def observer(request, tmp_path_factory):
    """What reads the bombs with a suffix, one after the other."""
    needed(request.param)
    scratch = tmp_path_factory.mktemp("bombs")
    (scratch / "sound").mkdir()
    with Observer(scratch, prepared(of_suffix(request.param)[0], scratch / "sound"), Limits(wall_s=600.0)) as observer:
        yield observer


@pytest.mark.parametrize(
    ("observer", "bomb"),
    [
        pytest.param(suffix, bomb, id=bomb.name, marks=[pytest.mark.slow] if bomb.name in DEAR else [])
        for suffix in OF_EACH
        for bomb in BOMBS
        if PurePath(bomb.name).suffix == suffix
    ],
    indirect=["observer"],
    scope="module",
)
def test_a_bomb_is_defused(observer: Observer, bomb: Bomb):
    observer.sound.write_bytes(sound(observer.sound.name))
    if observer.child is None:
        observer.start()
    path = observer.sound.with_name(bomb.name)
    path.unlink(missing_ok=True)
    bomb.write(path)
    faults = observer.faults_of(path)
    path.unlink()
    assert not faults
    assert not bomb.refused or observer.outcome != "read", f"{bomb.name} is read"


@pytest.mark.parametrize(
    ("harm", "fault"),
    daily(
        4,
        [
            ("none", None),
            ("processor", "too many processor seconds"),
            ("memory", "MB above the idle process"),
            ("crash", "the process died: SIGSEGV"),
            ("address space", "GiB asked for"),
            ("foreign", "KeyError at fuzz/reader.py"),
            ("nameless", "a message that is not one line"),
            ("noise", "printed: libpng error"),
            ("hang", "hung"),
        ],
    ),
)
def test_the_observer_notices_what_a_file_does(harm, fault, tmp_path):
    sound_one, harmful, later = (tmp_path / f"{name}.canary" for name in ("sound", "harmful", "later"))
    sound_one.write_text("none")
    harmful.write_text(harm)
    later.write_text("none")
    with Observer(tmp_path, sound_one, Limits(processor_s=1.0, wall_s=3.0 if harm == "hang" else 600.0)) as observer:
        faults = observer.faults_of(harmful)
        assert observer.faults_of(later) == []
    assert (faults == []) if fault is None else any(fault in each for each in faults), faults
