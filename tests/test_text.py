"""What is shown of text that others wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrfuse.text import counted, one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;pwn\x07a.jpg", " ]0;pwn a.jpg"),
        ("a\nerror: forged\r\n", "a error: forged  "),
        ("\x9b2J", " 2J"),
        ("\u202egnp.jpg\u2066", " gnp.jpg "),
        ("caf\udce9", "caf\N{REPLACEMENT CHARACTER}"),
        ("  d\u00e9j\u00e0 \u4e2d.jpg", "  d\u00e9j\u00e0 \u4e2d.jpg"),
    ],
)
def test_what_commands_a_terminal_is_a_space(text, shown):
    assert printable(text) == shown
    assert one_line(text) == " ".join(shown.split())


@given(st.text(st.characters()))
def test_any_text_can_be_printed_on_one_line_of_the_same_length(text):
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)
    assert printable(text).encode().decode() == printable(text)


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (0, ("frame",), "0 frames"), (1, ("frame",), "1 frame"), (1200, ("frame",), "1,200 frames"),
        (1, ("process", "processes"), "1 process"), (2, ("process", "processes"), "2 processes"),
    ],
)  # fmt: skip
def test_one_thing_is_no_plural(count, words, text):
    assert counted(count, *words) == text
