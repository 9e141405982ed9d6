"""Run one of the pair as a program: connect, watch, reconcile, answer probes, stop on a signal."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from kubeloop.client import Client
from kubeloop.controller import Controller
from kubeloop.errors import ControllerError
from kubeloop.lease import Lease
from kubeloop.logs import configure_logging
from kubeloop.reflector import Reflector
from kubeloop.runtime import Runtime, RuntimeSettings
from kyma_harness.host.errors import HarnessError
from kyma_harness.kyma.contract import KCP_NAMESPACE
from kyma_harness.managers.listener import listening

DRAIN = 5.0
"""Seconds for running passes: half of the Pod's grace period."""

Serve = Callable[[Client], Awaitable[None]]


def run_program(name: str, flags: argparse.Namespace, serve: Serve) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code, and says in one line why it is not 0."""
    configure_logging()
    try:
        asyncio.run(_connected(name, flags, serve))
    except (ControllerError, HarnessError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - the last word of a program
        return 1
    return 0


async def keep_running(
    name: str,
    client: Client,
    flags: argparse.Namespace,
    *,
    lease: str,
    reflectors: list[Reflector],
    controller: Controller,
) -> None:
    """Run reflectors and a controller with probes, metrics and the listener, until a signal."""
    runtime = Runtime(
        reflectors=reflectors,
        controllers=[controller],
        lease=Lease(client, lease, KCP_NAMESPACE, _identity()) if flags.leader_elect else None,
        settings=RuntimeSettings(health_address=flags.probes, metrics_address=flags.metrics, drain=DRAIN),
    )
    async with listening(flags.listener, name, controller.enqueue):
        await runtime.run(_stop_on_signals())


async def _connected(name: str, flags: argparse.Namespace, serve: Serve) -> None:
    if flags.kubeconfig:
        opened = Client.from_kubeconfig(Path(flags.kubeconfig), user_agent=name)
    else:
        opened = Client.from_environment(user_agent=name)
    async with opened as client:
        await serve(client)


def _stop_on_signals() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _identity() -> str:
    return f"{socket.gethostname()}_{os.getpid()}"
