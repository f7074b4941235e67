from hdrfuse.evaluation.table import Row, Table

TABLE = Table(
    title="Table 1: a|b",
    columns=("method", "PSNR-mu"),
    rows=(Row(cells=("LF-Diff", "44.76"), kind="published"), Row(cells=("out|[red]/x", "40.00"))),
    notes=("Read with care.",),
)


def test_markdown_escapes_what_the_user_named_and_marks_what_was_published():
    lines = TABLE.as_markdown().splitlines()
    assert lines[2:6] == [
        "| method | PSNR-mu |",
        "| --- | ---: |",
        "| LF-Diff (published) | 44.76 |",
        "| out\\|[red]/x | 40.00 |",
    ]
    assert lines[0] == "**Table 1: a|b**"
    assert lines[-1] == "Read with care."


def test_a_terminal_shows_names_as_they_are_and_the_notes():
    text = TABLE.as_text(width=120)
    assert "out|[red]/x" in text
    assert "LF-Diff (published)" in text
    assert "Read with care." in text
