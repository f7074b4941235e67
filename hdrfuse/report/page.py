"""The shell of every page: one HTML document that loads nothing, with its style and its script inside."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib.resources import files

from hdrfuse.report.markup import Html, element


def document(title: str, body: Iterable[Html]) -> Iterator[str]:
    """Give a whole HTML document piece by piece, so that a page of many pictures is never held in memory.

    Its content security policy allows no request at all, and no script and style but the page's own.
    """
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash_source(style)}; script-src {_hash_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", style),
        element("script", script),
    )
    yield f'<!doctype html>\n<html lang="en">\n{head}\n<body>\n'
    for part in body:
        yield part
        yield "\n"
    yield "</body>\n</html>\n"


def header(kind: str, title: str, facts: Iterable[tuple[str, str]]) -> Html:
    """Return the top of a page: what it is, and a line of facts."""
    listed = [element("div", element("dt", name), element("dd", isolated(value))) for name, value in facts]
    return element("header", element("p", kind, class_="kind"), element("h1", isolated(title)), element("dl", *listed))


def notes(items: Iterable[str], *, kind: str) -> Html:
    """Return a list of sentences; `kind` is `warning`, `failure` or `note`. Nothing for an empty one."""
    listed = [element("li", item if isinstance(item, Html) else isolated(item)) for item in items]
    return element("ul", *listed, class_=f"notes {kind}") if listed else Html()


def isolated(text: str) -> Html:
    """Return the user's text such that its writing direction ends with it."""
    return element("bdi", text)


def _asset(name: str) -> Html:
    """A file of the package as it stands: neither holds `</`, which would end its element."""
    return Html(files("hdrfuse.report").joinpath(name).read_text(encoding="utf-8"))


def _hash_source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"
