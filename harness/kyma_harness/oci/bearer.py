"""Get the token that a registry asks for: the distribution API's token authentication."""

import re
from collections.abc import Mapping

import aiohttp
from yarl import URL

from kyma_harness.kyma.errors import RegistryRefusedError

SCHEME = "bearer "
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def challenge_of(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return realm and service of a ``WWW-Authenticate: Bearer``; None for any other challenge.

    A realm that is no URL leads nowhere, so that is another one, too.
    """
    said = headers.get("WWW-Authenticate", "")
    if not said.lower().startswith(SCHEME):
        return None
    parameters = dict(PARAMETER.findall(said[len(SCHEME) :]))
    return parameters if parameters.get("realm", "").startswith(("https://", "http://")) else None


async def fetch_token(
    session: aiohttp.ClientSession, challenge: Mapping[str, str], login: Mapping[str, str]
) -> str:
    """Ask the realm for a token with the scope of the challenge; ``login`` is who we are, if anybody."""
    realm = URL(challenge.get("realm", ""))
    if not realm.is_absolute():
        raise RegistryRefusedError(
            f"the registry asks for a token from {realm or 'nowhere'}, which is no URL"
        )
    query = {key: challenge[key] for key in ("service", "scope") if challenge.get(key)}
    async with session.get(realm.update_query(query), headers=login) as response:
        if not response.ok:
            raise RegistryRefusedError(
                f"{realm.host} gives no token for {query.get('scope', 'the registry')}: {response.status} "
                f"{response.reason}; run `docker login` as a user with the right to do this"
            )
        answer = await response.json(content_type=None)
    token: str = answer.get("token") or answer.get("access_token") or ""
    return token
