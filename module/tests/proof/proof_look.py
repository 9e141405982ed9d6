"""Hold a cluster against the model: every phrase is something that is not as it has to be."""

import base64

from proof_model import CREDENTIALS, STATEFUL_SET
from proof_objects import EVENTING, NAMESPACE, definition
from proof_state import comparable, names_of_all

from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.kinds import CONFIG_MAP, NETWORK_POLICY, SECRET, SERVICE
from kubeloop.kinds import STATEFUL_SET as STATEFUL_SET_KIND
from kubeloop.resource import Kind, annotations_of, finalizers_of
from kyma_harness.wait.difference import differences

DEFINITIONS = {
    "DestinationRule.networking.istio.io": definition("networking.istio.io", "v1beta1", "DestinationRule"),
    "ServiceMonitor.monitoring.coreos.com": definition("monitoring.coreos.com", "v1", "ServiceMonitor"),
}
KINDS = {
    kind.group_kind: kind
    for kind in (
        CONFIG_MAP, NETWORK_POLICY, SECRET, SERVICE, STATEFUL_SET_KIND,
        Kind.parse("networking.istio.io/v1beta1", "DestinationRule"),
        Kind.parse("monitoring.coreos.com/v1", "ServiceMonitor"),
    )
}  # fmt: skip
FINALIZER = "eventing-manager.kyma-project.io/deletion-hook"
ADOPT = "eventing-manager.kyma-project.io/adopt"


def where(obj):
    """Return the kind, the name and the namespace of an object that the model names."""
    group_kind, _, key = obj.partition(" ")
    return KINDS[group_kind], key.partition("/")[2], key.partition("/")[0]


class Look:
    """What is seen of a cluster.

    What NATS is made of has to be a function of what is wished for: whatever happened before, equal wishes
    are held against what the first of them led to.
    """

    def __init__(self, client, empty):
        self._client = client
        self._empty = empty
        self._known = {}
        self.foreign = {}
        """Objects of others as they were made."""

    async def faults(self, world):
        """Return what is not as it has to be; nothing when all is well."""
        found = {one["metadata"]["name"]: one for one in (await self._client.list(EVENTING)).items}
        faults = [f"there are Eventings {sorted(found)}, not {sorted(world.eventings)}"]
        if found.keys() == world.eventings.keys():
            faults = [fault for name in found for fault in _faults_of(found[name], name, world)]
        faults += _difference(
            await names_of_all(self._client), self._empty | world.objects() | _installed(world)
        )
        return faults or [*await self._wrong_content(world), *await self._touched(world)]

    async def remember(self, world):
        """Hold what NATS is made of now against what it will be made of for the same wish."""
        for obj, content in (await self._content(world)).items():
            self._known.setdefault(_circumstances(world, obj), content)

    async def _content(self, world):
        names = [obj for obj in world.objects() if obj.partition(" ")[0] in KINDS and "/eventing-nats" in obj]
        return {obj: await self._read(obj) for obj in names if world.in_place is not None}

    async def _read(self, obj):
        kind, name, namespace = where(obj)
        try:
            return await self._client.get(kind, name, namespace)
        except (NotFoundError, KindAbsentError):
            return None

    async def _wrong_content(self, world):
        found = await self._content(world)
        if None in found.values():
            return [f"{obj} has just gone" for obj, content in found.items() if content is None]
        faults = []
        for obj, content in found.items():
            known = self._known.get(_circumstances(world, obj), content)
            faults += [f"{obj}: {phrase}" for phrase in _differences(_essence(known), _essence(content))]
        if found:
            faults += [*_wrong_pods(found[STATEFUL_SET], world.in_place), *_wrong_secret(found[CREDENTIALS])]
        return faults

    async def _touched(self, world):
        """Return what became of objects of others that nobody allowed to be taken over."""
        guarded = [obj for obj, may_be_adopted in world.foreign.items() if not may_be_adopted]
        found = {obj: await self._read(obj) for obj in guarded}
        return [
            f"{obj} of others is not as they made it: {content}"
            for obj, content in found.items()
            if content is None or _identity(content) != _identity(self.foreign[obj])
        ]


def _circumstances(world, obj):
    """Return all that an object's content may depend on; one that is held takes in no messages."""
    return world.served, world.in_place, world.is_held, obj


def _installed(world):
    names = set()
    for kind in world.kinds:
        spec = DEFINITIONS[kind]["spec"]
        names.add(f"CustomResourceDefinition.apiextensions.k8s.io {DEFINITIONS[kind]['metadata']['name']}")
        names.add(f"APIService.apiregistration.k8s.io {spec['versions'][0]['name']}.{spec['group']}")
    return names


def _difference(found, wanted):
    return [f"there is no {name}" for name in sorted(wanted - found)] + [
        f"there is {name}" for name in sorted(found - wanted)
    ]


def _faults_of(eventing, name, world):
    expected, status = world.expected(name), eventing.get("status", {})
    ready = next((one for one in status.get("conditions", []) if one["type"] == "Ready"), {})
    faults = []
    generations = {status.get("observedGeneration"), ready.get("observedGeneration")}
    if generations != {eventing["metadata"]["generation"]}:
        faults.append(f"its status is of generation {generations}, not {eventing['metadata']['generation']}")
    if status.get("state") not in expected.states or ready.get("reason") not in expected.reasons:
        faults.append(f"it is {status.get('state')}, {ready}; not {expected}")
    elif not any(part in ready["message"] for part in expected.names):
        faults.append(f"its message names none of {expected.names}: {ready['message']}")
    if expected.active not in {None, status.get("activeBackend")}:
        faults.append(f"its active backend is {status.get('activeBackend')}, not {expected.active}")
    found = {one["name"]: one["satisfied"] for one in status.get("dependencies", [])}
    if expected.dependencies not in (None, found):
        faults.append(f"its dependencies are {found}, not {expected.dependencies}")
    if (FINALIZER in finalizers_of(eventing)) != (name == world.served):
        faults.append(f"its finalizers are {finalizers_of(eventing)}, and '{world.served}' is served")
    return [f"Eventing {name}: {fault}" for fault in faults]


def _essence(obj):
    obj = comparable(obj)
    obj["metadata"]["annotations"].pop(ADOPT, None)
    if obj["kind"] == SECRET.kind:
        obj.pop("data", None)  # a password that was generated
    return obj


def _differences(one, other):
    """Return a phrase for each place where they differ, or where only the second one has anything."""
    return differences(one, other) or [f"too much: {phrase}" for phrase in differences(other, one)]


def _identity(obj):
    return obj["metadata"]["uid"], _essence(obj)


def _wrong_pods(statefulset, wish):
    template = statefulset["spec"]["template"]
    memory = template["spec"]["containers"][0]["resources"].get("limits", {}).get("memory", "")
    found = {
        "replicas": statefulset["spec"]["replicas"],
        "label": template["metadata"]["labels"].get("team", ""),
        "annotation": annotations_of(template).get("note", ""),
        "memory": memory if wish.memory else "",
    }
    return [
        f"the {name} of the pods is {value}, not {getattr(wish, name)}"
        for name, value in found.items()
        if value != getattr(wish, name)
    ]


def _wrong_secret(secret):
    values = {key: base64.b64decode(value).decode() for key, value in secret.get("data", {}).items()}
    # Servers join one another by a password of their own.
    files = [value for key, value in values.items() if key.endswith(".conf") and key != "cluster.conf"]
    quoted = [f'"{values.get(key)}"' for key in ("username", "password")]
    is_whole = bool(files) and all(value in file for file in files for value in quoted)
    return [] if is_whole else [f"Secret {NAMESPACE}/{secret['metadata']['name']} is not whole"]
