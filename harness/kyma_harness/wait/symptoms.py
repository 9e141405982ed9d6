"""Read from an object why it may never get to where it should."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubeloop.resource import Object, controller_owner, describe, is_deleting
from kyma_harness.wait.give_up import Category, Patience
from kyma_harness.wait.narrative import last_seen
from kyma_harness.wait.readiness import conditions_of, how_it_ended, status_of
from kyma_harness.wait.target import Target

IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
CONFIGURATION_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}
)
NEVER_STARTED = frozenset({"StartError", "ContainerCannotRun"})
"""How a container ended whose program is not there: it is tried again like one that crashes."""
UNMOUNTED = frozenset({"FailedMount", "FailedAttachVolume"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One thing that stands in the way: which object has it, and what it is, in the cluster's own words."""

    category: Category
    subject: str
    """The object as people call it, ``Pod shop/web-0``, with the container where there is one."""
    cause: str
    remedy: str = ""
    pod: tuple[str, str, str] | None = None
    """Namespace, pod and container whose log has more to say."""
    about: Target | None = None
    """The object whose manager may have said more of it in its log."""

    @property
    def identity(self) -> tuple[Category, str]:
        """What stays the same for as long as it is the same trouble, whatever its words."""
        return (self.category, self.subject)

    def __str__(self) -> str:
        return f"{self.subject}: {self.cause}"


def symptoms_of(obj: Object, patience: Patience) -> Iterator[Symptom]:
    """Yield what is wrong with any object, a pod's containers and a workload's replicas included."""
    if obj["kind"] == "Pod":
        yield from _of_pod(obj, patience)
    else:
        yield from _of_replicas(obj)
        yield from _of_state(obj, patience)


def symptoms_of_events(obj: Object, events: Iterable[Object]) -> Iterator[Symptom]:
    """Yield what only Events tell of an object: of a pod's volumes, and of pods that cannot be made.

    ``events`` are those about the object. One tells of the present only while what it tells of is still so.
    """
    told = sorted(events, key=last_seen)
    if obj["kind"] == "Pod" and not is_deleting(obj) and _waits_for_volumes(obj):
        if failed := [one for one in told if one.get("reason") in UNMOUNTED]:
            cause = f"it waits for its volumes ({failed[-1]['reason']}): {_words(failed[-1])}"
            yield Symptom(category=Category.CONFIGURATION, subject=describe(obj), cause=cause)
    elif _lacks_pods(obj):
        made = [one for one in told if one.get("reason") in {"FailedCreate", "SuccessfulCreate"}]
        if made and made[-1]["reason"] == "FailedCreate":
            cause = f"its pods cannot be made (FailedCreate): {_words(made[-1])}"
            yield Symptom(category=Category.REPLICAS, subject=describe(obj), cause=cause)


def _waits_for_volumes(pod: Object) -> bool:
    """Tell whether no container of a pod has been begun with."""
    status = status_of(pod)
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waiting = [(one.get("state") or {}).get("waiting") for one in containers]
    return status.get("phase", "Pending") == "Pending" and all(
        one and one.get("reason") in {"ContainerCreating", "PodInitializing"} for one in waiting
    )


def _lacks_pods(obj: Object) -> bool:
    """Tell whether a workload has fewer pods than it should have made."""
    status, spec = status_of(obj), obj.get("spec") or {}
    match obj["kind"]:
        case "StatefulSet" | "ReplicaSet":
            return bool(status.get("replicas", 0) < spec.get("replicas", 1))
        case "DaemonSet":
            return bool(status.get("currentNumberScheduled", 0) < status.get("desiredNumberScheduled", 0))
        case "Job":
            return not any(status.get(one) for one in ("active", "succeeded", "failed"))
    return False


def _words(event: Object) -> str:
    return " ".join(str(event.get("message", "")).split())


def symptoms_of_end(obj: Object) -> Iterator[Symptom]:
    """Yield that a pod or Job is over: fatal to a wait for it, and none of a workload's business.

    A StatefulSet puts another pod of the same name in the place of one that has ended.
    """
    owner = controller_owner(obj)
    if (ended := how_it_ended(obj)) and not (owner and owner.get("kind") == "StatefulSet"):
        yield Symptom(category=Category.OVER, subject=describe(obj), cause=ended)


def _of_pod(pod: Object, patience: Patience) -> Iterator[Symptom]:
    if is_deleting(pod):
        return
    status = pod.get("status", {})
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            yield Symptom(
                category=Category.UNSCHEDULABLE,
                subject=describe(pod),
                cause=f"it cannot be scheduled: {condition.get('message', '')}",
            )
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(field) or []:
            yield from _of_container(pod, container, patience)


def _of_container(pod: Object, container: Object, patience: Patience) -> Iterator[Symptom]:
    waiting = container.get("state", {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    ended = _last_end(container)
    subject = f"{describe(pod)}, container {container['name']}"
    where = (pod["metadata"]["namespace"], pod["metadata"]["name"], container["name"])
    if reason in IMAGE_REASONS:
        image = container.get("image", "")
        cause = f"its image {image} cannot be pulled ({reason}): {message}"
        yield Symptom(category=Category.IMAGE, subject=subject, cause=cause)
    elif reason in CONFIGURATION_REASONS:
        cause = f"it cannot be started ({reason}): {message}"
        yield Symptom(category=Category.CONFIGURATION, subject=subject, cause=cause)
    elif ended.get("reason") in NEVER_STARTED and "running" not in container.get("state", {}):
        cause = f"it cannot be started ({ended['reason']}): {ended.get('message', '')}"
        yield Symptom(category=Category.CONFIGURATION, subject=subject, cause=cause)
    elif reason == "CrashLoopBackOff" and container.get("restartCount", 0) >= patience.restarts:
        often = f"restarts: {container['restartCount']}"
        cause = f"it crashes again and again ({often}): {_how_it_ended(container)}"
        yield Symptom(category=Category.CRASH_LOOP, subject=subject, cause=cause, pod=where)


def _last_end(container: Object) -> Object:
    """Return how a container ended last, empty where it has not."""
    states = (container.get("state") or {}, container.get("lastState") or {})
    return next((one["terminated"] for one in states if one.get("terminated")), {})


def _how_it_ended(container: Object) -> str:
    ended = _last_end(container)
    words = [f"exit code {ended.get('exitCode', 'unknown')}"]
    if ended.get("reason") not in {None, "", "Error"}:
        words.append(ended["reason"])
    if message := (ended.get("message") or "").strip():
        words.append(message.splitlines()[-1])
    return ", ".join(words)


def _of_replicas(obj: Object) -> Iterator[Symptom]:
    for condition in conditions_of(obj):
        failed = condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        if failed or condition.get("reason") == "ProgressDeadlineExceeded":
            cause = f"its pods cannot be made ({condition.get('reason')}): {condition.get('message', '')}"
            yield Symptom(category=Category.REPLICAS, subject=describe(obj), cause=cause)


def _of_state(obj: Object, patience: Patience) -> Iterator[Symptom]:
    state = status_of(obj).get("state", "")
    conditions = conditions_of(obj)
    if state in patience.states:
        cause = f"its state is {state}{_why(obj, state, conditions)}"
        yield Symptom(category=Category.STATE, subject=describe(obj), cause=cause, about=Target.of(obj))
    for condition in conditions:
        stalled = condition.get("type") == "Stalled" and condition.get("status") == "True"
        if stalled or condition.get("reason") in patience.reasons:
            cause = f"{condition.get('reason')}: {condition.get('message', '')}"
            yield Symptom(category=Category.STATE, subject=describe(obj), cause=cause, about=Target.of(obj))


def _why(obj: Object, state: str, conditions: list[Object]) -> str:
    """Return the words of the condition that explains a bad state: Ready's, else the first that fails.

    One whose message says no more than the state, as "Manifest in Error state" and "installation error" do,
    explains nothing.
    """
    known = {obj["kind"].lower(), str(state).lower(), "in", "is", "state", "installation"}
    failing = [
        one
        for one in conditions
        if one.get("status") == "False"
        and not ((words := set(str(one.get("message", "")).lower().split())) and words <= known)
    ]
    failing.sort(key=lambda one: one.get("type") != "Ready")
    if not failing:
        return ""
    reason, message = failing[0].get("reason", ""), failing[0].get("message", "")
    return f", {reason}: {message}" if message else f", {reason}"
