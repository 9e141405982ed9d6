"""Cut a stream of bytes into the JSON documents of a watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubeloop.client.answers import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator


class JSONLines:
    """Collect bytes until a line is complete; chunks end anywhere, inside a character too."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def is_complete(self) -> bool:
        """Whether the bytes so far end with a whole line."""
        return not self._pending

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """Take the next bytes and return the documents which they complete.

        Raises NonsenseError for a line that is not JSON.
        """
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            document = bytes(self._pending + line)
            self._pending.clear()
            if document.strip():
                yield decoded(document)
        self._pending += rest
