"""Kubernetes quantities: `500m`, `1Gi`, `1e3`."""

import math
import re
from decimal import Decimal

_QUANTITY = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>[numkKMGTPE]i?|[eE][+-]?\d+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse_quantity(text: str) -> Decimal:
    """Return the number a quantity stands for; raises ValueError when it is none."""
    if not (found := _QUANTITY.fullmatch(text.strip())):
        raise ValueError(f"{text!r} is no quantity")
    number, suffix = Decimal(found["number"]), found["suffix"] or ""
    if suffix in _BINARY:
        return number * Decimal(2) ** _BINARY[suffix]
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix])
    if suffix[:1] in {"e", "E"}:
        return number.scaleb(int(suffix[1:]))
    if suffix:
        raise ValueError(f"{text!r} is no quantity: unknown suffix {suffix}")
    return number


def divided(quantity: str, divisor: str) -> str:
    """Divide and round up, as `resourceFieldRef` does."""
    by = parse_quantity(divisor)
    return str(math.ceil(parse_quantity(quantity) / (by or 1)))
