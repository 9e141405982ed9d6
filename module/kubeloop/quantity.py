"""Read quantities as Kubernetes writes them: ``500m``, ``1.5Gi``, ``1e3``."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Final

from kubeloop.errors import QuantityError

LARGEST: Final = 2**63 - 1
"""What Kubernetes counts in has no room for more."""

_FORM: Final = re.compile(
    r"(?P<number>[+-]?(?:\d{1,64}(?:\.\d{0,64})?|\.\d{1,64}))"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?\d{1,64}))?",
    re.ASCII,
)
_FACTORS: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
_EXPONENTS: Final = range(-64, 65)
"""Of more than these nothing is computed: a number of a million digits takes half a minute."""


def parse_quantity(text: str) -> Decimal:
    """Return the number that a quantity stands for.

    Raises QuantityError where it is none, and where it is beyond what 64 bits count.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise QuantityError(f"{text[:80]!r} is not a quantity; write it like 1Gi or 500M")
    number = Decimal(match["number"])
    if match["suffix"]:
        number *= _FACTORS[match["suffix"]]
    elif match["exponent"] and number:
        if int(match["exponent"]) not in _EXPONENTS:
            raise _beyond(text)
        number = number.scaleb(int(match["exponent"]))
    if abs(number) > LARGEST:
        raise _beyond(text)
    return number


def whole(quantity: str) -> int:
    """Return a quantity as a whole number, rounded up as Kubernetes rounds; raises QuantityError."""
    return int(parse_quantity(quantity).to_integral_value(ROUND_CEILING))


def _beyond(text: str) -> QuantityError:
    return QuantityError(f"{text[:80]!r} is beyond what 64 bits count; write it like 1Gi or 500M")
