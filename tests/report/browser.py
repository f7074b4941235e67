"""Headless Chromium, driven by chromedriver's own HTTP interface (W3C WebDriver): no package is needed for it."""

import base64
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip

KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Left": "\ue012", "Up": "\ue013", "Right": "\ue014", "Down": "\ue015",
        "Home": "\ue011", "End": "\ue010"}  # fmt: skip

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key by which WebDriver marks a reference to an element."""


class Browser:
    """One window."""

    def __init__(self, session: str) -> None:
        self.session = session

    def open(self, page: Path, *, width: int = 1400, height: int = 900, dark: bool = False, fragment: str = "") -> None:
        """Load a page from disk in a window of a size and a theme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[theme])
        self._post("url", url="about:blank")
        self._post("url", url=page.resolve().as_uri() + fragment)

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Send one command of the DevTools protocol."""
        return self._post("goog/cdp/execute", cmd=command, params=parameters)

    def evaluate(self, expression: str, *arguments: Any) -> Any:
        """Return the value of a JavaScript expression, in which `arguments[0]` is the first argument."""
        return self._post("execute/sync", script=f"return {expression}", args=list(arguments))

    def click(self, selector: str) -> None:
        """Click on the middle of the first element of a CSS selector, as a person would: it has to be visible."""
        self._post(f"element/{self._find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Type into an element; a name of KEYS is that key."""
        self._post(f"element/{self._find(selector)}/value", text=KEYS.get(text, text))

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        strokes = [{"type": kind, "value": KEYS[key]} for key in keys for kind in ("keyDown", "keyUp")]
        self._post("actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def console(self) -> list[str]:
        """Return what the page has complained of since the last call: errors, refused requests and scripts."""
        return [entry["message"] for entry in self._post("se/log", type="browser")]

    def screenshot(self) -> Image.Image:
        """Return what the window shows, RGB."""
        with urllib.request.urlopen(f"{self.session}/screenshot") as answer:
            return Image.open(BytesIO(base64.b64decode(json.load(answer)["value"]))).convert("RGB")

    def pixel(self, selector: str, across: float, down: float) -> tuple[int, ...]:
        """Return the colour on the screen at a place in an element, in shares of its width and height."""
        find = "(e => (e.scrollIntoView({block: 'center'}), e.getBoundingClientRect()))"
        box = self.evaluate(f"{find}(document.querySelector(arguments[0])).toJSON()", selector)
        place = (int(box["x"] + across * box["width"]), int(box["y"] + down * box["height"]))
        return self.screenshot().getpixel(place)

    def _find(self, selector: str) -> str:
        return self._post("element", using="css selector", value=selector)[ELEMENT]

    def _post(self, command: str, **parameters: Any) -> Any:
        return _post(f"{self.session}/{command}", parameters)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start chromedriver and one window with a fresh profile in a folder; end both."""
    driver = subprocess.Popen([CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        started = next(line for line in driver.stdout if "started successfully on port" in line)
        address = f"http://127.0.0.1:{int(started.rstrip().rstrip('.').split()[-1])}"
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        session = _post(f"{address}/session", {"capabilities": wanted})["sessionId"]
        try:
            yield Browser(f"{address}/session/{session}")
        finally:
            ending = urllib.request.Request(f"{address}/session/{session}", method="DELETE")
            urllib.request.urlopen(ending, timeout=300).close()
    finally:
        driver.terminate()
        driver.communicate(timeout=300)


def _post(address: str, parameters: dict[str, Any]) -> Any:
    request = urllib.request.Request(address, json.dumps(parameters).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(json.load(error)["value"]["message"].splitlines()[0]) from error
