"""What waits for what, down to the object that none can do without, and what its manager said of it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from observed_objects import LAMP, a_lamp, a_pod, an_object, owned_by

from kubeloop.resource import Kind, ObjectKey
from kyma_harness.kube.logs import ContainerLog
from kyma_harness.wait.chain import drawn, keeps_all_others, walk
from kyma_harness.wait.diagnosis import Doctor
from kyma_harness.wait.give_up import Category, Patience
from kyma_harness.wait.live_wait import with_last_words, with_warning
from kyma_harness.wait.relations import Relations, installed_for, with_field_managers
from kyma_harness.wait.sight import Sight
from kyma_harness.wait.symptoms import Symptom
from kyma_harness.wait.target import Target
from kyma_harness.wait.timeline import Timeline

MANIFEST = Kind.parse("kcp.example.com/v1", "Manifest")
KYMA = Kind.parse("kcp.example.com/v1", "Kyma")
KITCHEN = Target(kind=LAMP, name="kitchen", namespace="shop")
HOLDING = Target(kind=MANIFEST, name="kitchen", namespace="shop")
WHOLE = Target(kind=KYMA, name="house", namespace="shop")
MANAGER = ObjectKey("lamps", "lamp-manager")
INSTALLER = ObjectKey("kcp", "installer")
FINALIZER = "example.com/lamp"
RELATIONS = Relations(
    stewards={LAMP.group_kind: MANAGER, MANIFEST.group_kind: INSTALLER},
    finalizers={FINALIZER: MANAGER, "kcp.example.com/manifest": INSTALLER},
    parts=lambda obj: [KITCHEN] if obj["kind"] == "Manifest" else [HOLDING] if obj["kind"] == "Kyma" else [],
    whole={KITCHEN: HOLDING, HOLDING: WHOLE}.get,
)


class Seen:
    """A view of objects that do not change."""

    def __init__(self, *objects):
        self.objects = objects

    def find(self, target):
        return next((one for one in self.objects if Target.of(one) == target), None)

    def all(self, *kinds):
        names = [kind.kind for kind in kinds]
        return iter([one for one in self.objects if one["kind"] in names])


def a_kcp(kind, name, state=None, **metadata):
    status = {"state": state} if state else None
    return an_object(kind, name, apiVersion="kcp.example.com/v1", status=status, **metadata)


def a_deployment(name="cache", namespace="redis", *, ready=False, **metadata):
    status = {
        "observedGeneration": 1,
        "updatedReplicas": 1,
        "replicas": 1,
        "availableReplicas": int(ready),
        "readyReplicas": int(ready),
    }
    made = an_object(
        "Deployment", name, apiVersion="apps/v1", spec={"replicas": 1}, status=status, **metadata
    )
    made["metadata"] |= {"namespace": namespace, "generation": 1}
    return made


def running():
    """Return the Lamp's manager and the installer, both well."""
    return [a_deployment(*reversed(one), ready=True) for one in (MANAGER, INSTALLER)]


def an_event(obj, reason, message, kind="Warning", at="2022-12-05T19:53:13Z"):
    about = {"kind": obj["kind"], "name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}
    event = {"type": kind, "reason": reason, "message": message, "lastTimestamp": at, "involvedObject": about}
    return {**an_object("Event", f"{reason}-{at}"), **event}


def going(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def sight_of(target, *objects, seen=None):
    view = Seen(*objects)
    return Sight(view, RELATIONS, target, seen or view.find(target))


def chain(target, *objects, leaving=False, timeline=None):
    return walk(sight_of(target, *objects), timeline or Timeline(), leaving=leaving)


def first_words(links):
    return timeless(str(keeps_all_others(links, [])))


def timeless(words):
    """Take off a sentence how long something has been so, of which the machine has a say."""
    return re.sub(r" for \d+ s", " for N s", words)


def test_a_manifest_that_does_not_go_is_kept_by_the_resource_and_that_by_its_finalizer():
    manifest = a_kcp(
        "Manifest",
        "kitchen",
        "Deleting",
        deletionTimestamp=going(60),
        finalizers=["kcp.example.com/manifest"],
    )
    lamp = a_lamp("Ready", deletionTimestamp=going(58), finalizers=[FINALIZER])

    links = chain(HOLDING, manifest, lamp, *running(), leaving=True)

    assert first_words(links) == (
        "Lamp shop/kitchen: it is being deleted for N s and held by the finalizer example.com/lamp, "
        "which Deployment lamps/lamp-manager serves"
    )
    manifest_line, lamp_line = map(timeless, drawn(links))
    assert manifest_line == (
        "Manifest shop/kitchen: it is being deleted for N s and held by the finalizer "
        "kcp.example.com/manifest, served by Deployment kcp/installer"
    )
    assert lamp_line == (
        "└─ Lamp shop/kitchen: it is being deleted for N s and held by the finalizer example.com/lamp, "
        "served by Deployment lamps/lamp-manager"
    )


def test_a_kyma_that_does_not_get_ready_waits_for_what_is_at_the_end():
    timeline = Timeline()
    timeline.note(LAMP, None, a_lamp("Processing", creationTimestamp=going(40)))
    objects = (a_kcp("Kyma", "house", "Processing"), a_kcp("Manifest", "kitchen", "Processing"))

    links = chain(WHOLE, *objects, a_lamp("Processing"), *running(), timeline=timeline)

    assert [str(one.target) for one in links] == [
        "Kyma shop/house",
        "Manifest shop/kitchen",
        "Lamp shop/kitchen",
    ]
    assert first_words(links) == (
        "Lamp shop/kitchen: its state is Processing for N s, which Deployment lamps/lamp-manager serves"
    )


def test_a_resource_that_nobody_made_is_asked_for_of_those_who_should_have():
    kyma, manifest = a_kcp("Kyma", "house", "Processing"), a_kcp("Manifest", "kitchen", "Processing")

    assert [one.target for one in chain(KITCHEN, kyma, manifest)] == [KITCHEN, HOLDING]
    assert [one.target for one in chain(KITCHEN, kyma)] == [KITCHEN, HOLDING, WHOLE]
    assert first_words(chain(KITCHEN, kyma)).startswith("Kyma shop/house: its state is Processing")


def test_what_a_resource_s_manager_installed_is_followed_to_the_pod_and_its_warning():
    deployment = a_deployment(labels={"app.kubernetes.io/instance": "kitchen"})
    pod = a_pod(name="cache-0", ownerReferences=owned_by(deployment))
    event = an_event(pod, "Unhealthy", "Readiness probe failed: 503")

    links = chain(KITCHEN, a_lamp("Processing"), deployment, pod, event)

    assert [str(one.target) for one in links] == [
        "Lamp shop/kitchen",
        "Deployment redis/cache",
        "Pod shop/cache-0",
    ]
    assert first_words(links) == "Pod shop/cache-0: Pending; Unhealthy: Readiness probe failed: 503"


def test_a_cause_that_is_known_needs_no_chain():
    found = [Symptom(category=Category.IMAGE, subject="Pod shop/web-0", cause="no image")]

    assert keeps_all_others(chain(KITCHEN, a_lamp("Processing")), found) is None


def test_what_is_guessed_of_the_last_object_is_said_in_the_words_of_the_guess():
    shelf = an_object(deletionTimestamp=going(1), finalizers=["example.com/unheard-of"])
    guess = Symptom(category=Category.UNKNOWN, subject="ConfigMap shop/shelf", cause="nobody is known")
    view, target = Seen(shelf, a_kcp("Manifest", "kitchen")), Target.of(shelf)
    relations = Relations(parts=lambda obj: [target] if obj["kind"] == "Manifest" else [])

    links = walk(Sight(view, relations, HOLDING, view.find(HOLDING)), Timeline(), leaving=True)

    assert keeps_all_others(links, [guess]) == guess


def test_of_an_object_that_nobody_is_known_to_serve_its_own_words_are_enough():
    assert keeps_all_others(chain(Target.of(an_object()), an_object()), []) is None


# What belongs to whom, though nothing says so formally.


def written_by(manager, subresource="", *, finalizers=False):
    fields = {"f:metadata": {"f:finalizers": {}}} if finalizers else {"f:spec": {}}
    return {"manager": manager, "subresource": subresource, "operation": "Update", "fieldsV1": fields}


BORN, LATER, EARLIER = "2022-12-05T10:00:00Z", "2022-12-05T10:00:00Z", "2022-12-05T09:59:59Z"
BY_STATUS = {"managedFields": [written_by("keda", "status")]}
BY_FINALIZER = {"managedFields": [written_by("keda", finalizers=True)]}
BY_A_PERSON = {"managedFields": [written_by("kubectl-edit", "status")]}
BY_US = {"managedFields": [written_by("kubeloop", "status")]}


@pytest.mark.parametrize(
    ("resource", "workload", "is_its"),
    [
        (BY_STATUS, {"managedFields": [written_by("keda")]}, True),
        (BY_FINALIZER, {"managedFields": [written_by("keda")]}, True),
        (BY_STATUS, {"managedFields": [written_by("other")]}, False),
        (BY_STATUS, {"managedFields": [written_by("keda", "status")]}, False),
        (BY_STATUS, {"managedFields": [written_by("keda")], "creationTimestamp": EARLIER}, False),
        (BY_A_PERSON, {"managedFields": [written_by("kubectl-edit")]}, False),
        (BY_US, {"managedFields": [written_by("kubeloop")]}, False),
        ({}, {"labels": {"app.kubernetes.io/instance": "kitchen"}}, True),
        ({}, {"labels": {"lamp-name": "kitchen"}}, True),
        ({}, {"labels": {"app": "kitchen"}}, False),
        ({}, {"labels": {"app.kubernetes.io/managed-by": "lamp-manager"}}, True),
        (BY_STATUS, {"labels": {"app.kubernetes.io/managed-by": "keda"}}, True),
        ({}, {"labels": {"app.kubernetes.io/managed-by": "Helm"}}, False),
        ({}, {}, False),
    ],
)
@pytest.mark.parametrize(
    "shape", [lambda obj: obj, with_field_managers], ids=["whole", "as the view keeps it"]
)
def test_labels_and_field_managers_tell_what_was_installed_for_a_resource(resource, workload, is_its, shape):
    lamp = shape(a_lamp("Processing", **{"creationTimestamp": BORN, **resource}))
    deployment = shape(a_deployment(**{"creationTimestamp": LATER, **workload}))

    found = installed_for(lamp, [deployment], steward=MANAGER, events=[])

    assert found == ([deployment] if is_its else [])


@pytest.mark.parametrize(
    ("message", "is_its"),
    [("created StatefulSet redis/cache", True), ("created redis/cache-2", False), ("created cache", False)],
)
def test_an_event_about_the_resource_tells_too(message, is_its):
    lamp, deployment = a_lamp(), a_deployment()

    found = installed_for(lamp, [deployment], steward=None, events=[an_event(lamp, "Created", message)])

    assert bool(found) is is_its


def test_what_somebody_owns_and_the_manager_itself_are_not_installed_for_a_resource():
    owned = a_pod(labels={"app.kubernetes.io/instance": "kitchen"})
    owned["metadata"]["ownerReferences"] = [{**one, "controller": True} for one in owned_by(a_deployment())]
    manager = a_deployment(MANAGER.name, MANAGER.namespace, labels={"app.kubernetes.io/instance": "kitchen"})

    assert installed_for(a_lamp(), [owned, manager], steward=MANAGER, events=[]) == []


# What ends a wait before its time.


def symptoms(target, *objects, seen=None):
    doctor = Doctor(Seen(*objects), RELATIONS)
    return doctor.examine(target, seen or Seen(*objects).find(target), Patience())


def test_an_image_without_a_rule_of_what_was_installed_ends_the_wait_for_the_resource():
    deployment = a_deployment(labels={"app.kubernetes.io/instance": "kitchen"})
    pod = a_pod(waiting="ErrImagePull", ownerReferences=owned_by(deployment))

    (symptom,) = symptoms(KITCHEN, a_lamp("Processing"), deployment, pod)

    assert symptom.category is Category.IMAGE


def test_a_manifest_in_error_ends_the_wait_for_the_resource_that_it_should_have_made():
    (symptom,) = symptoms(KITCHEN, a_kcp("Manifest", "kitchen", "Error"))

    assert (symptom.category, symptom.about) == (Category.STATE, HOLDING)


def test_a_manifest_in_error_is_borne_while_the_resource_has_said_nothing():
    assert symptoms(KITCHEN, a_kcp("Manifest", "kitchen", "Error"), a_lamp()) == []


def test_another_module_that_is_in_error_does_not_end_the_wait():
    objects = (a_kcp("Kyma", "house", "Error"), a_kcp("Manifest", "kitchen", "Processing"))

    assert symptoms(KITCHEN, *objects) == []


def test_a_kyma_in_error_ends_the_wait_where_there_is_no_manifest():
    (symptom,) = symptoms(KITCHEN, a_kcp("Kyma", "house", "Error"))

    assert str(symptom) == "Kyma shop/house: its state is Error"


def test_who_should_make_the_resource_may_be_in_trouble_itself():
    installer = a_deployment(INSTALLER.name, INSTALLER.namespace)
    pod = a_pod(waiting="ErrImagePull", name="installer-0", ownerReferences=owned_by(installer))

    (symptom,) = symptoms(KITCHEN, installer, pod)

    assert symptom.subject == "Pod shop/installer-0, container main"


# What the manager said.


def with_manager(*lines):
    manager = a_deployment(MANAGER.name, MANAGER.namespace, ready=True)
    pod = a_pod(name="lamp-manager-0", ownerReferences=owned_by(manager))
    text = "".join(f"2022-12-05T19:53:13Z {line}\n" for line in lines)
    log = ContainerLog(namespace="shop", pod="lamp-manager-0", container="main", text=text)
    return sight_of(KITCHEN, a_lamp("Processing"), manager, pod), [log]


def said(category, *lines, cause="its state is Error"):
    symptom = Symptom(category=category, subject="Lamp shop/kitchen", cause=cause, about=KITCHEN)
    return with_last_words(symptom, *with_manager(*lines)).cause


def test_the_manager_s_last_error_about_the_object_is_told():
    assert said(Category.STATE, "level=error lamp=kitchen no bulb", "level=info all is well") == (
        "its state is Error; lamp-manager logged last: level=error lamp=kitchen no bulb"
    )


def test_an_error_about_another_object_explains_no_state_and_may_explain_a_wait_without_cause():
    other = "level=error lamp=cellar no bulb"

    assert said(Category.STATE, other) == "its state is Error"
    assert said(Category.UNKNOWN, other).endswith("lamp-manager logged last: level=error lamp=cellar no bulb")


def test_without_errors_a_wait_without_cause_tells_what_came_last():
    assert said(Category.UNKNOWN, "light is on", "nothing to do").endswith(
        "; lamp-manager logged last: nothing to do"
    )
    assert said(Category.UNKNOWN) == "its state is Error"


def test_what_the_object_says_itself_is_not_said_twice():
    line = '{"level": "error", "msg": "failed", "error": "no bulb", "lamp": "kitchen"}'

    assert (
        said(Category.STATE, line, cause="its state is Error, NoBulb: no bulb")
        == "its state is Error, NoBulb: no bulb"
    )


def test_a_crash_is_told_by_its_error_and_not_by_the_frames_below_it():
    said = ("panic: no bulb", "goroutine 1 [running]:", "main.main()", "\t/src/main.go:14 +0x16")
    text = "".join(f"2022-12-05T19:53:13Z {line}\n" for line in said)
    log = ContainerLog(namespace="shop", pod="web-0", container="main", text=text)
    symptom = Symptom(
        category=Category.CRASH_LOOP, subject="x", cause="it crashes", pod=("shop", "web-0", "main")
    )

    assert (
        with_last_words(symptom, sight_of(KITCHEN), [log]).cause
        == "it crashes; it wrote last: panic: no bulb"
    )


def test_a_resource_without_a_state_waits_for_its_manager_that_does_not_run():
    manager = a_deployment(MANAGER.name, MANAGER.namespace)
    pod = a_pod(name="lamp-manager-0", ownerReferences=owned_by(manager))

    assert str(chain(KITCHEN, a_lamp(), manager, pod)[-1].target) == "Pod shop/lamp-manager-0"
    assert first_words(chain(KITCHEN, a_lamp())) == "Deployment lamps/lamp-manager: it does not exist"


def test_a_resource_that_says_nothing_though_its_manager_runs_is_said_to_be_silent():
    assert first_words(chain(KITCHEN, a_lamp(), *running())) == (
        "Lamp shop/kitchen: it has no state yet, which Deployment lamps/lamp-manager serves"
    )


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("its state is Error", "its state is Error, ModuleReconciliationError: two templates for lamp"),
        ("its state is Error, Ready: no bulb", "its state is Error, Ready: no bulb"),
    ],
)
def test_a_state_that_the_object_does_not_explain_is_explained_by_its_last_warning(cause, told):
    kyma = a_kcp("Kyma", "house", "Error")
    events = [
        an_event(kyma, "ModuleReconciliationError", "two templates\n for lamp"),
        an_event(kyma, "StatusUpdate", "updating", kind="Normal", at="2022-12-05T19:53:14Z"),
    ]
    symptom = Symptom(category=Category.STATE, subject="Kyma shop/house", cause=cause, about=WHOLE)

    assert with_warning(symptom, sight_of(WHOLE, kyma, *events)).cause == told
