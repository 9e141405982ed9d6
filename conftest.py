"""What every test run needs, whichever tests it runs."""

import asyncio

pytest_plugins = ["hack.lanes", "hack.rerun_once"]


def pytest_configure() -> None:
    """Start without a current event loop.

    pytest-asyncio asks for it, to put it back later; on Python 3.11 being asked makes one that nobody closes.
    """
    asyncio.set_event_loop(None)
