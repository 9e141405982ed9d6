"""Ask a container's probe on its schedule."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from kyma_harness.node.containers.handlers import Handlers, Target
from kyma_harness.node.containers.probes import Probe, ProbeState


async def probe_forever(
    probe: Probe, target: Target, handlers: Handlers, *, on_failure: Callable[[Probe, str], None]
) -> AsyncGenerator[bool, None]:
    """Yield each change of the verdict, and nothing in between.

    `on_failure` hears of every failed answer that came on the author's own schedule.
    """
    loop = asyncio.get_running_loop()
    state = ProbeState(probe, now=loop.time())
    while True:
        await asyncio.sleep(max(0.0, state.next_at(loop.time()) - loop.time()))
        before = state.verdict
        answer = await handlers.ask(probe.handler, target, limit=probe.timeout)
        now = loop.time()
        if not answer.success and state.counts_failures(now):
            on_failure(probe, answer.message)
        verdict = state.observe(success=answer.success, now=now)
        if verdict is not None and verdict is not before:
            yield verdict
