"""A headless Chromium, spoken to by its DevTools protocol."""

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import pytest
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from kyma_harness.host.process import spawn

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "--hide-scrollbars",
)  # fmt: skip
TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}


def find_browser() -> str:
    """Return the program; skips where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser to open a report in: none of {', '.join(NAMES)} is installed")
    return found


class Page:
    """One page that is open, and everything it complained of or asked the network for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._loaded = False

    async def open(self, url: str, *, width: int = 1280, height: int = 800, scheme: str = "light") -> None:
        """Load a page in a window of this size, for somebody who prefers a colour scheme."""
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            await self.ask(f"{domain}.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self.ask("Emulation.setDeviceMetricsOverride", **metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.ask("Emulation.setEmulatedMedia", features=features)
        await self.ask("Page.navigate", url=url)
        while not self._loaded:
            self._hear(await self._socket.receive_json())

    async def ask(self, method: str, **params: object) -> dict:
        """Send a command and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]
            self._hear(message)

    async def evaluate(self, expression: str):
        """Return the value of a JavaScript expression."""
        done = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def press(self, key: dict) -> None:
        """Press and release a key."""
        await self.ask("Input.dispatchKeyEvent", type="keyDown", **key)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **key)

    async def names(self, *roles: str) -> list[str]:
        """Return what a screen reader calls everything of these roles."""
        tree = (await self.ask("Accessibility.getFullAXTree"))["nodes"]
        shown = [node for node in tree if not node.get("ignored") and node["role"]["value"] in roles]
        return [node.get("name", {}).get("value", "") for node in shown]

    async def picture(self, file: Path) -> None:
        """Keep a picture of the whole page."""
        shot = await self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        await asyncio.to_thread(file.write_bytes, base64.b64decode(shot["data"]))

    def _hear(self, message: dict) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params))


@asynccontextmanager
async def new_page(profile: Path) -> AsyncIterator[Page]:
    """Run a browser with one empty page while the block runs."""
    # It makes sockets among the temporary files, whose paths are to be short, and leaves their folders.
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as scratch:
        own = {"HOME": str(profile), "TMPDIR": scratch}
        argv = [find_browser(), *QUIET, f"--user-data-dir={profile}", "about:blank"]
        browser = await spawn(argv, name="browser", env=own, stdout=profile / "browser.log")
        try:
            async with _page_of(profile / "DevToolsActivePort") as page, asyncio.timeout(120):
                yield page
        finally:
            await browser.terminate(grace=5)


@asynccontextmanager
async def _page_of(port: Path) -> AsyncIterator[Page]:
    """Speak to the first page of the browser that writes its port to a file."""
    retrying = AsyncRetrying(
        stop=stop_after_delay(60), wait=wait_fixed(0.05), reraise=True,
        retry=retry_if_exception_type((OSError, ValueError, IndexError, aiohttp.ClientError)),
    )  # fmt: skip
    async with aiohttp.ClientSession() as session:

        async def targets() -> list[dict]:
            async with session.get(f"http://127.0.0.1:{_first_word(port)}/json/list") as response:
                return [one for one in await response.json() if one["type"] == "page"]

        (target, *_) = await retrying(targets)
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            yield Page(socket)


def _first_word(file: Path) -> str:
    return file.read_text().split()[0]
