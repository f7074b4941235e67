from hdrfuse.report.markup import Html, element, escaped, joined

from .reader import read


def test_text_and_attributes_are_escaped_and_markup_is_not():
    inner = element("b", "a < b & c")
    outer = element("p", inner, "</p><script>", title="\"quoted\" 'too' <&>")
    node = read(outer).first("p")
    assert node.text == "a < b & c</p><script>"
    assert node.attributes == {"title": "\"quoted\" 'too' <&>"}
    assert [child.tag for child in node.children if not isinstance(child, str)] == ["b"]


def test_markup_that_was_formatted_is_text_again():
    assert element("p", f"{element('b', 'x')}") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"


def test_attributes_are_named_as_html_names_them():
    made = element("input", class_="a", for_="b", aria_sort="none", hidden=True, checked=False, title=None, value=0)
    assert made == '<input class="a" for="b" aria-sort="none" hidden value="0">'


def test_what_utf8_cannot_carry_is_replaced_and_emoji_stay():
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    assert escaped(f"bad\udcff\x00\x1b {family}\t\n") == f"bad\ufffd\ufffd\ufffd {family}\t\n"


def test_what_turns_the_direction_of_writing_is_replaced():
    assert escaped("\u202egnp.jpg\u2069") == "\ufffdgnp.jpg\ufffd"


def test_joined_keeps_what_is_markup():
    assert joined([Html("<i></i>"), "<"], " ") == "<i></i> &lt;"
