"""A format is a file and a row: every command then offers it, and each row keeps its word."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from cli.brackets import SIZE, write_bracket

from hdrfuse.cli import main
from hdrfuse.errors import OutputError, UsageError
from hdrfuse.formats import REC709, Capture, RadianceFacts, Storage, read_image, write_image
from hdrfuse.formats.facts import read_facts
from hdrfuse.formats.icc import DISPLAY_P3
from hdrfuse.formats.writers import WRITERS, Writer, check_storage, writer_of
from hdrfuse.inspection import inspect

LIGHT = Writer(
    name="toy", suffixes=(".toy",), module=__name__, bits=(32,), storage=frozenset({"half"}),
    facts=frozenset({"provenance"}),
)  # fmt: skip
SHOWN = Writer(name="shown", suffixes=(".shown",), module=__name__, bits=(8,), radiance=False, rendition=True)


def write(path, radiance, facts, *, rendition, storage):
    """Both toys' file; it is written in the worker processes of a batch, too."""
    with path.open("wb") as stream:
        np.savez(
            stream, radiance=radiance, rendition=np.zeros(0) if rendition is None else rendition,
            method=facts.provenance.get("method", "none"), half=storage.half is True,
        )  # fmt: skip
    return ["a toy"] if storage.half else []


@pytest.fixture
def toys(monkeypatch):
    monkeypatch.setitem(WRITERS, "toy", LIGHT)
    monkeypatch.setitem(WRITERS, "shown", SHOWN)


@pytest.fixture
def say(capfd, monkeypatch):
    """Run a command -> its exit status and what it prints, as one line of words."""
    monkeypatch.setenv("COLUMNS", "200")

    def say(*words):
        capfd.readouterr()
        code = main(list(map(str, words)))
        return code, " ".join("".join(capfd.readouterr()).split())

    return say


@pytest.mark.usefixtures("toys")
def test_a_registered_format_stands_in_help_and_errors(say, tmp_path):
    write_bracket(tmp_path / "beach")
    assert "FILE.exr, .hdr, .tif, .toy or .shown; default: <scene>.exr" in say("merge", "--help")[1]
    assert "Bits of an .exr or .toy: 16" in say("merge", "--help")[1]
    assert "exr|hdr|tif|toy|shown" in say("batch", "--help")[1]
    refused = (
        (("merge", tmp_path / "beach", "--out", "a.xyz"), "expected .exr .hdr .shown .tif .tiff .toy"),
        (("batch", tmp_path, "--format", "xyz"), "expected one or several of exr, hdr, tif, toy, shown"),
        (("merge", tmp_path / "beach", "--out", "a.hdr", "--half"), "only .exr or .toy files are stored so"),
    )
    for words, message in refused:
        code, said = say(*words, "--method", "classical")
        assert (code, message in said) == (2, True), said


@pytest.mark.usefixtures("toys")
def test_a_merge_and_the_workers_of_a_batch_write_a_registered_format(say, tmp_path):
    write_bracket(tmp_path / "shoot" / "beach")
    classical = ("--method", "classical", "--half")
    code, said = say("merge", tmp_path / "shoot" / "beach", *classical, "--out", tmp_path / "a.toy", "--no-preview")
    assert code == 0, said
    assert "a.toy: a toy" in said
    code, said = say(
        "batch", tmp_path / "shoot", *classical, "--format", "toy,shown", "--out", tmp_path, "--workers", 1
    )
    assert code == 0, said
    alone, light, shown = (np.load(tmp_path / name) for name in ("a.toy", "beach.toy", "beach.shown"))
    np.testing.assert_array_equal(alone["radiance"], light["radiance"])
    assert (str(light["method"]), bool(light["half"]), light["rendition"].size) == ("classical", True, 0)
    assert (shown["rendition"].shape, shown["rendition"].dtype) == ((*SIZE, 3), np.uint8)
    assert str(shown["method"]) == "none"
    assert shown["rendition"].max() > 200


def test_a_format_that_shows_the_picture_is_not_written_without_a_rendition(tmp_path):
    with pytest.raises(ValueError, match="a rendition was expected"):
        write_image(tmp_path / "a.shown", np.ones((4, 4, 3), np.float32), RadianceFacts(), writer=SHOWN)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_states_the_facts_and_stores_the_bits_of_its_row(tmp_path, name):
    writer, path = WRITERS[name], tmp_path / f"a{WRITERS[name].suffixes[0]}"
    said = RadianceFacts(
        chromaticities=DISPLAY_P3, capture=Capture(camera="Test", iso=200.0), white_luminance_cd_m2=1234.5,
        provenance={"method": "classical"},
    )  # fmt: skip
    assert write_image(path, np.full((8, 9, 3), 0.5, np.float32), said, rendition=np.zeros((8, 9, 3), np.uint8)) == []
    found = read_facts(path)
    for fact in dataclasses.fields(RadianceFacts):
        kept = getattr(found, fact.name) == getattr(said, fact.name)
        assert kept or fact.name not in writer.facts, fact.name
    assert read_image(path).header.linear is writer.radiance
    assert inspect([path]).as_json()["bits"] == writer.bits[0]
    assert found.chromaticities in (DISPLAY_P3, REC709)


def test_rows_are_named_by_their_keys_and_no_suffix_stands_twice():
    suffixes = [suffix for writer in WRITERS.values() for suffix in writer.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    for name, writer in WRITERS.items():
        assert writer.name == name
        assert writer.radiance or writer.rendition
        assert writer.facts <= {field.name for field in dataclasses.fields(RadianceFacts)}
        assert writer.storage <= {field.name for field in dataclasses.fields(Storage)}
        assert all(suffix == suffix.lower() for suffix in writer.suffixes)


def test_every_format_stands_in_the_readme():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert [name for name, writer in WRITERS.items() if f"`{writer.suffixes[0]}`" not in readme] == []


def test_a_choice_that_no_format_leaves_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"expected \.toy"):
        writer_of(tmp_path / "a.exr", [LIGHT])
    check_storage(Storage(half=False), [WRITERS["hdr"]], found="a.hdr")
    with pytest.raises(UsageError, match=r"^--compression piz: only \.exr files are stored so; found a\.hdr$"):
        check_storage(Storage(compression="piz"), [WRITERS["hdr"]], found="a.hdr")
