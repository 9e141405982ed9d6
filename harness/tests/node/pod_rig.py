"""One pod on a process node whose API server is a stand-in that can be stopped at every call.

The pod's processes are real. The API server is held, refuses or is away when the test says so: what can race
is tested by stopping inside an await, not by hoping for the moment.
"""

import asyncio
import copy
import itertools
import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from eventually import PATIENCE
from node_builders import Claims, Issuer

from kubeloop.errors import NotFoundError, UnreachableError
from kubeloop.events import EventRecorder
from kyma_harness.host.ports import PortPool
from kyma_harness.node.containers.logs import LogQuery
from kyma_harness.node.containers.view import probe_mounting
from kyma_harness.node.network.hosts import HostsFiles
from kyma_harness.node.pods.bound import BoundPods
from kyma_harness.node.rules.rules import Rules
from kyma_harness.node.settings import NodeSettings

RULES = Path(__file__).with_name("rules.yaml")
UID = "uid-1"


class Gate:
    """Stops whoever comes to it; it is open for good once opened."""

    def __init__(self):
        self._reached, self._opened = asyncio.Event(), asyncio.Event()

    async def passed(self):
        self._reached.set()
        await self._opened.wait()

    async def reached(self):
        """Wait until somebody stands before it."""
        async with asyncio.timeout(PATIENCE):
            await self._reached.wait()

    def open(self):
        self._opened.set()


class Api:
    """An API server in memory, as far as the worker of a pod speaks to it."""

    server = "https://127.0.0.1:1"

    def __init__(self):
        self.objects, self.events, self.calls, self.statuses = {}, [], [], []
        self.is_away = False
        self.changed = asyncio.Event()
        self.watch = lambda _old, _new: None
        self._gates, self._refusals = {}, {}
        self._issuer = Issuer(asyncio.get_running_loop().time)

    def put(self, obj):
        """Have an object, or another in its place; the watch tells of it."""
        key = (obj["kind"], obj["metadata"]["name"])
        old = self.objects.get(key)
        self.objects[key] = obj
        self._tell(old, obj)

    def drop(self, kind, name):
        """Have an object no longer."""
        self._tell(self.objects.pop((kind, name), None), None)

    def hold(self, method, kind=None):
        """Stop calls of a method (for a kind) until the gate is opened."""
        return self._gates.setdefault((method, kind), Gate())

    def refuse(self, method, error, *, kind=None, times=1):
        """Let the next calls of a method fail."""
        self._refusals[method, kind] = [error] * times

    def count(self, method, kind=None):
        """How often a method was called."""
        return sum(1 for called, of, _ in self.calls if called == method and kind in (None, of))

    async def get(self, kind, name, _namespace=None):
        await self._pass("get", kind.kind, name)
        return copy.deepcopy(self._found(kind.kind, name))

    async def create(self, obj):
        self.events.append(obj)
        self.changed.set()
        return obj

    async def apply(self, obj, **_):
        name = obj["metadata"]["name"]
        await self._pass("apply", obj["kind"], name)
        self.statuses.append(copy.deepcopy(obj["status"]))
        self.put({**self._found(obj["kind"], name), "status": copy.deepcopy(obj["status"])})

    async def merge_patch(self, kind, name, patch, **_):
        await self._pass("patch", kind.kind, name)
        if kind.kind != "Event":
            found = self._found(kind.kind, name)
            self.put({**found, "metadata": {**found["metadata"], **patch["metadata"]}})

    async def delete(self, kind, name, **_):
        await self._pass("delete", kind.kind, name)
        self._found(kind.kind, name)
        self.drop(kind.kind, name)

    async def create_token(self, service_account, namespace, **request):
        await self._pass("token", "TokenRequest", service_account)
        return await self._issuer.create_token(service_account, namespace, **request)

    def _found(self, kind, name):
        try:
            return self.objects[kind, name]
        except KeyError:
            raise NotFoundError(404, "NotFound", f"{kind} {name} not found", method="GET", path="/") from None

    async def _pass(self, method, kind, name):
        self.calls.append((method, kind, name))
        self.changed.set()
        for wanted in ((method, kind), (method, None)):
            if gate := self._gates.get(wanted):
                await gate.passed()
            if refusals := self._refusals.get(wanted):
                raise refusals.pop(0)
        if self.is_away:
            raise UnreachableError(self.server, "connection refused")

    def _tell(self, old, new):
        self.changed.set()
        self.watch(old, new)


class Rig:
    """The pod as a test sees it."""

    def __init__(self, pods, api, state):
        self.pods, self.api, self.state = pods, api, state

    @property
    def pod(self):
        """The pod as the API server has it, None once it is gone."""
        return next((one for (kind, _), one in self.api.objects.items() if kind == "Pod"), None)

    @property
    def status(self):
        return (self.pod or {}).get("status", {})

    def container(self, name="web"):
        """The status of a container as it was written last; empty while there is none."""
        return _container(self.api.statuses[-1] if self.api.statuses else {}, name)

    def state_of(self, name="web"):
        """The word for a container's state, and for waiting the reason."""
        return _word(self.container(name))

    def exit_code(self, name="web"):
        """How a container ended last, None where it has not."""
        return self.container(name).get("state", {}).get("terminated", {}).get("exitCode")

    def history(self, name="web"):
        """The words of a container's states, in the order in which they were written."""
        words = [_word(_container(status, name)) for status in self.api.statuses]
        return [word for word, _ in itertools.groupby(words)]

    def delete(self, grace=30):
        """Ask for the pod's deletion, as `kubectl delete` does, or with a shorter grace once more."""
        self.change(deletionTimestamp="2022-12-05T19:53:13Z", deletionGracePeriodSeconds=grace)

    def change(self, **metadata):
        """Change the pod's metadata."""
        self.api.put({**self.pod, "metadata": {**self.pod["metadata"], **metadata}})

    def set_spec(self, **fields):
        """Change fields of the pod's spec."""
        self.api.put({**self.pod, "spec": {**self.pod["spec"], **fields}})

    def name_image(self, image, name="web"):
        """Give a container another image."""
        spec = copy.deepcopy(self.pod["spec"])
        for one in spec["containers"]:
            if one["name"] == name:
                one["image"] = image
        self.api.put({**self.pod, "spec": spec})

    async def until(self, claim, *, what="it"):
        """Wait until a claim about what the API server has holds."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not claim():
                    self.api.changed.clear()
                    await self.api.changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what} did not come: {self.status}, {self.reasons()}") from None

    async def until_state(self, word, name="web"):
        await self.until(lambda: self.state_of(name) == word, what=f"{name} {word}")

    async def until_gone(self):
        """Wait until the pod's object is gone, and nothing runs any more."""
        await self.until(lambda: self.pod is None, what="the pod's end")
        await self.until_over()

    async def until_over(self):
        """Wait until the node has nothing to do with the pod any more."""
        async with asyncio.timeout(PATIENCE):
            await self.pods.until_all_over()

    async def settled(self):
        """Let everything that can go on do so, up to where it waits for something outside."""
        for _ in range(50):
            await asyncio.sleep(0)

    def reasons(self):
        """The reasons of all Events."""
        return [one["reason"] for one in self.api.events]

    def processes(self):
        """The ids of the processes that belong to the pod, by what stands in their environment."""
        return [pid for pid in _pids() if str(self.state).encode() in _environment(pid)]

    def kill(self, name="web"):
        """Kill a container's process, as whoever is out of memory does."""
        os.kill(int(self.container(name)["containerID"].removeprefix("process://")), signal.SIGKILL)

    def working_folder(self):
        """Where the pod's one process runs."""
        (pid,) = self.processes()
        return Path(f"/proc/{pid}/cwd").readlink()

    def file(self, name):
        """A path that scripts and the test both know; scripts get it as written."""
        return self.state / name

    async def until_file(self, *names):
        """Wait for files that scripts make: they have no watch."""
        async with asyncio.timeout(PATIENCE):
            while not all(self.file(name).exists() for name in names):  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.01)

    async def until_output(self, text, name="web"):
        """Wait until a container has written just this."""
        async with asyncio.timeout(PATIENCE):
            while await self.log(name) != text:  # noqa: ASYNC110 - what is written is read by the loop
                await asyncio.sleep(0.01)

    async def until_more(self, name, than):
        """Wait until scripts have written more lines than so many into a file."""
        async with asyncio.timeout(PATIENCE):
            while len(self.lines(name)) <= than:  # noqa: ASYNC110 - a file has no watch
                await asyncio.sleep(0.01)

    def lines(self, name):
        """The lines that scripts have written into a file."""
        return self.file(name).read_text().split() if self.file(name).exists() else []

    async def log(self, name="web", *, previous=False):
        """What a container has written; raises LookupError as `kubectl logs` is told."""
        log = self.pods.find_log("shop", "web-0", name, previous=previous)
        return b"".join([line async for line in log.read(LogQuery())]).decode()


def _container(status, name):
    both = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return next((one for one in both if one["name"] == name), {})


def _word(container):
    state = container.get("state", {})
    return state.get("waiting", {}).get("reason") or next(iter(state), None)


def _pids():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


@asynccontextmanager
async def running_pod(pod, state, *, objects=(), mounting=None, rules=None, **settings):
    """Bring a pod onto a node; whatever the test leaves of it is ended."""
    api = Api()
    for obj in objects:
        api.put(obj)
    with PortPool() as ports:
        unused = state / "unused"
        node = NodeSettings(
            state=state, tools=state, rules=rules or Rules.load([RULES]), ports=ports,
            tls_cert=unused, tls_key=unused, client_ca=unused,
            **{"first_backoff": 0.05, **settings},
        )  # fmt: skip
        events = EventRecorder(api, "process-node", host="test")
        pods = BoundPods(
            node,
            api,
            events=events,
            claims=Claims(state),
            service_port=lambda *_: 1,
            hosts=HostsFiles(),
            node_ip="127.0.0.1",
        )
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            writing = group.create_task(events.run())
            pods.begin(session, group, mounting or await probe_mounting(state / "probe"))
            api.watch = lambda old, new: _told(pods, old, new)
            api.put(pod)
            try:
                yield Rig(pods, api, state)
            finally:
                await _end(pods, api, state)
                writing.cancel()


def _told(pods, old, new):
    kind = (new or old or {}).get("kind")
    if kind == "Pod":
        pods.on_pod(old, new)
    elif kind in {"ConfigMap", "Secret"}:
        pods.on_config(old, new)


async def _end(pods, api, state):
    for gate in api._gates.values():
        gate.open()
    tasks = list(pods._tasks.values())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    left = Rig(pods, api, state).processes()
    assert not left, f"processes outlive their pod: {left}"
