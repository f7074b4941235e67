from hypothesis import given
from hypothesis import strategies as st

from hdrfuse.data.mixture import MixedBrackets


class Named:
    """A list whose samples are their own names."""

    def __init__(self, name):
        self.name = name

    def __getitem__(self, index):
        return self.name, index


def drawn(share, count):
    brackets = MixedBrackets(usual=Named("usual"), other=Named("other"), share=share)
    return [brackets[index] for index in range(count)]


@given(st.floats(0, 1), st.integers(1, 200))
def test_the_other_list_has_its_share_at_every_moment_and_none_of_it_is_left_out(share, count):
    others = [number for name, number in drawn(share, count) if name == "other"]
    assert others == list(range(len(others)))
    assert abs(len(others) - share * count) <= 1


def test_a_share_of_nothing_and_of_all_is_one_list():
    assert drawn(0.0, 3) == [("usual", 0), ("usual", 1), ("usual", 2)]
    assert drawn(1.0, 3) == [("other", 0), ("other", 1), ("other", 2)]


def test_samples_of_both_kinds_are_spread_evenly():
    assert [name for name, _ in drawn(0.4, 10)].count("other") == 4
    assert [name for name, _ in drawn(0.5, 6)] == ["usual", "other"] * 3
