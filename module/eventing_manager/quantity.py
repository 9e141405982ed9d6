"""Read quantities as Kubernetes writes them: 1Gi, 1.5G, 500m, 1e9."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Final

from eventing_manager.errors import QuantityError

_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?\d+))?"
)
_FACTORS: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


def whole(quantity: str) -> int:
    """Return a quantity as a whole number, rounded up as Kubernetes rounds; QuantityError if it is none."""
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise QuantityError(f"{quantity!r} is not a quantity; write it like 1Gi or 500M")
    number = Decimal(match["number"])
    if match["suffix"]:
        number *= _FACTORS[match["suffix"]]
    elif match["exponent"]:
        number = number.scaleb(int(match["exponent"]))
    return int(number.to_integral_value(ROUND_CEILING))
