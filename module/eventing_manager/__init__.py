"""Provision the backend that an Eventing resource asks for, and take it away again."""

from typing import Final

__version__: Final = "0.0.4"
