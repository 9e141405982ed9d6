"""Tokens of a pod's ServiceAccount, bound to the pod and renewed in time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from kubeloop.errors import ControllerError
from kyma_harness.node.identity.downward import PodFacts

# Like a kubelet: at 80 % of its life, or after a day, whichever comes first.
_RENEW_AT = 0.8
_RENEW_LATEST_SECONDS = 24 * 3600
# No token is asked for more often, whatever the clocks say and whether the last one was granted or not.
_RENEW_SOONEST_SECONDS = 10.0
SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


class TokenIssuer(Protocol):
    """Anything that asks the TokenRequest API, as the Client does."""

    async def create_token(
        self,
        service_account: str,
        namespace: str,
        *,
        audiences: Sequence[str] = (),
        expiration_seconds: int,
        bound_pod: Any = None,
    ) -> dict[str, Any]:
        """Return the answered TokenRequest."""
        ...


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    renew_at: float
    expires_at: float


class PodTokens:
    """The tokens of one pod, one for each audience and lifetime asked for."""

    def __init__(self, issuer: TokenIssuer, facts: PodFacts, *, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._facts = facts
        self._clock = clock
        self._tokens: dict[tuple[str | None, int], _Token] = {}

    @property
    def seconds_left(self) -> float | None:
        """The seconds until the first token wants to be renewed; None without tokens."""
        first = min((token.renew_at for token in self._tokens.values()), default=None)
        return None if first is None else max(0.0, first - self._clock())

    async def token(self, audience: str | None, expiration_seconds: int) -> str:
        """Return a token, renewed if it is due and can be; None as audience means the API server.

        Raises ControllerError when there is none that is still good.
        """
        key = (audience, expiration_seconds)
        held = self._tokens.get(key)
        if held is None or self._clock() >= held.renew_at:
            held = self._tokens[key] = await self._renewed(held, audience, expiration_seconds)
        return held.value

    async def _renewed(self, held: _Token | None, audience: str | None, expiration_seconds: int) -> _Token:
        try:
            return await self._requested(audience, expiration_seconds)
        except ControllerError:
            if held is None or self._clock() >= held.expires_at:
                raise
            # A kubelet goes on with the token it has, and tries again before that one is no good.
            return replace(held, renew_at=self._clock() + _RENEW_SOONEST_SECONDS)

    async def _requested(self, audience: str | None, expiration_seconds: int) -> _Token:
        asked = self._clock()
        answer = await self._issuer.create_token(
            self._facts.pod["spec"].get("serviceAccountName") or "default",
            self._facts.namespace,
            audiences=(audience,) if audience else (),
            expiration_seconds=expiration_seconds,
            bound_pod=self._facts.pod,
        )
        status = answer["status"]
        expires_at = datetime.fromisoformat(status["expirationTimestamp"]).timestamp()
        lifetime = min(_RENEW_AT * (expires_at - asked), _RENEW_LATEST_SECONDS)
        return _Token(status["token"], asked + max(lifetime, _RENEW_SOONEST_SECONDS), expires_at)
