"""Run the manager, or print its plan: ``python -m eventing_manager --help``."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from eventing_manager.api.names import MANAGER
from eventing_manager.app import EventingManager
from eventing_manager.observe.jetstream import Monitoring
from eventing_manager.plan import plan_command
from eventing_manager.settings import parse_settings
from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.logs import configure_logging, get_logger
from kubeloop.runtime import stop_on_signals

if TYPE_CHECKING:
    from eventing_manager.settings import Settings

log = get_logger(__name__)


def main() -> int:
    """Run until SIGTERM or SIGINT; return 1 where something has to be put right first."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["plan"]:
        return _plan(arguments[1:])
    configure_logging()
    try:
        asyncio.run(_run(parse_settings(arguments, os.environ)))
    except (ControllerError, OSError) as error:
        log.error("manager ends", error=str(error))  # noqa: TRY400 - a sentence, not a stack
        return 1
    return 0


def _plan(arguments: list[str]) -> int:
    try:
        asyncio.run(plan_command(arguments, os.environ))
    except (ControllerError, OSError) as error:
        sys.stderr.write(f"{MANAGER} plan: {error}\n")
        return 1
    return 0


async def _run(settings: Settings) -> None:
    stop = stop_on_signals()
    async with (
        Client.from_environment(user_agent=MANAGER) as client,
        Monitoring(settings.backend.nats_monitoring_url, settings.backend.nats_server_url) as jetstream,
    ):
        log.info("manager starts", server=client.server, namespace=settings.backend.namespace)
        await EventingManager(client, jetstream, settings).runtime().run(stop)
    log.info("manager has ended")


if __name__ == "__main__":
    sys.exit(main())
