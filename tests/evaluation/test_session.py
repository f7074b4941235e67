"""Every method on every scene, once; what fails is named, what is known is not measured again."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from hdrfuse.errors import OutputError
from hdrfuse.evaluation.methods import MethodResult, PlainMethod, reference_alone
from hdrfuse.evaluation.protocol import Protocol
from hdrfuse.evaluation.records import Records
from hdrfuse.evaluation.session import Evaluating
from hdrfuse.evaluation.summary import quality_tables, summaries
from hdrfuse.formats import read_image

REFERENCE = PlainMethod("reference", reference_alone, "the reference frame alone")


@dataclass
class Counting:
    """A method that gives the truth, or what it is told, and counts its merges."""

    name: str = "counting"
    result: object = None
    sentence: str = ""
    version: int = 1
    merges: list[str] = field(default_factory=list)

    def check(self):
        pass

    def identity(self, scene):
        return {"version": self.version}

    def merge(self, scene, bracket):
        self.merges.append(scene)
        if isinstance(self.result, BaseException):
            raise self.result
        return MethodResult(
            radiance=bracket.truth if self.result is None else self.result, seconds=0.5, warnings=("so",)
        )


def how(folder, **options):
    return Evaluating(protocol=options.pop("protocol", Protocol()), records=Records(folder=folder), **options)


def test_a_second_run_reads_and_merges_nothing(tmp_path, made):
    scene, method = made("one"), Counting()
    first = how(tmp_path).run([scene], [method, REFERENCE])
    again = how(tmp_path).run([scene], [method, REFERENCE])
    assert again == first
    assert scene.reads == [0]
    assert method.merges == ["one"]
    (found,) = again
    assert found.size == (48, 32)
    assert found.details == "made up"
    assert found.scores[0].values["PSNR-L"] == np.inf
    assert found.scores[0].warnings == ("so",)
    assert 10 < found.scores[1].values["PSNR-mu"] < 60


@pytest.mark.parametrize("changed", ["scene", "method", "rules", "record", "picture", "anew"])
def test_what_changed_or_was_lost_is_measured_again(tmp_path, made, changed):
    scene, method, protocol = made("one"), Counting(), Protocol()
    how(tmp_path).run([scene], [method])
    match changed:
        case "scene":
            scene.version = 2
        case "method":
            method.version = 2
        case "rules":
            protocol = Protocol(clip=False)
        case "record":
            (tmp_path / "records" / "one" / "methods" / "counting.json").write_text("{")
        case "picture":
            (tmp_path / "pictures" / "one" / "methods" / "counting.error.png").unlink()
    records = Records(folder=tmp_path, anew=changed == "anew")
    (found,) = Evaluating(protocol=protocol, records=records).run([scene], [method])
    assert method.merges == ["one", "one"]
    assert found.scores[0].pictures.error_map.is_file()


def test_a_scene_that_cannot_be_read_is_named_for_every_method_and_the_others_go_on(tmp_path, made):
    scenes = [made("good"), made("bad", broken="frame.tif: truncated"), made("fine", seed=2)]
    found = how(tmp_path, pictures=False).run(scenes, [REFERENCE, Counting()])
    assert [score.failure for score in found[1].scores] == ["frame.tif: truncated"] * 2
    assert scenes[1].reads == [0]
    assert found[1].size is None
    for summary in summaries(found):
        assert summary.failed == ("bad",)
        assert summary.counted == "2 of 3"
    table = quality_tables("synthetic", found, Protocol())[0]
    assert table.rows[0].cells[:2] == ("reference", "2 of 3")
    assert "reference failed on bad: its mean is of other scenes than a full one." in table.notes


def test_a_failure_is_tried_again(tmp_path, made):
    scene = made("one", broken="frame.tif: truncated")
    how(tmp_path).run([scene], [REFERENCE])
    scene.broken = ""
    (found,) = how(tmp_path).run([scene], [REFERENCE])
    assert found.scores[0].failure is None


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (np.full((32, 48, 3), np.nan, np.float32), "counting of one: 4,608 of 4,608 values are NaN or infinite"),
        (MemoryError(), "out of memory"),
        (RuntimeError("two\nlines"), "unexpected RuntimeError: two lines"),
        (np.zeros((8, 8, 3), np.float32), "shape"),
    ],
    ids=["nan", "memory", "crash", "size"],
)
def test_a_method_that_fails_is_named_and_counted(tmp_path, made, result, told):
    (found,) = how(tmp_path, pictures=False).run([made("one")], [Counting(result=result), REFERENCE])
    assert told in found.scores[0].failure
    assert found.scores[0].values == {}
    assert found.scores[1].failure is None


def test_an_interrupt_and_an_unwritable_folder_end_the_run(tmp_path, made):
    with pytest.raises(KeyboardInterrupt):
        how(tmp_path).run([made("one")], [Counting(result=KeyboardInterrupt())])
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        how(tmp_path / "file").run([made("one")], [REFERENCE])


def test_results_are_kept_on_request_and_can_be_scored_again(tmp_path, made):
    scene, method = made("one"), Counting()
    how(tmp_path, pictures=False).run([scene], [method])
    how(tmp_path, pictures=False, keep_results=True).run([scene], [method])
    assert method.merges == ["one", "one"]
    kept = read_image(tmp_path / "results" / "counting" / "one.exr").pixels
    assert np.array_equal(kept, scene.read().truth)


def test_groups_are_summed_up_apart_and_together(tmp_path, made):
    scenes = [made("a", group="still"), made("b", seed=1, group="moving"), made("c", seed=2, group="moving")]
    found = how(tmp_path, pictures=False).run(scenes, [REFERENCE])
    assert [(each.group, each.scenes) for each in summaries(found)] == [("still", 1), ("moving", 2), ("", 3)]
    titles = [table.title for table in quality_tables("synthetic", found, Protocol())]
    assert titles == [
        "Table 1: synthetic, test split, still",
        "Table 1: synthetic, test split, moving",
        "95 % bootstrap intervals of the means: synthetic, test split, moving",
        "Table 1: synthetic, test split, all",
        "95 % bootstrap intervals of the means: synthetic, test split, all",
    ]
