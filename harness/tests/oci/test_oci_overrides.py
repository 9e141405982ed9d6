"""Where the bundle and the managers' Deployments say which images run."""

import pytest
import yaml

from kyma_harness.clusters.provider import RegistryAddress
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import LifecycleManagers
from kyma_harness.oci.bundle import Blob, pack
from kyma_harness.oci.image import PullError
from kyma_harness.oci.recipe import Recipe
from kyma_harness.oci.supply import explain_pulls, with_image, with_images
from kyma_harness.session.options import PROJECT
from kyma_harness.wait.give_up import Category
from kyma_harness.wait.symptoms import Symptom
from kyma_harness.wait.waits import WaitError


@pytest.fixture
def bundle():
    return pack(Module.load(PROJECT / "module" / "module.yaml"))


@pytest.fixture
def recipe():
    return Recipe.load(PROJECT / "module" / "image.yaml")


def configs(bundle):
    return yaml.safe_load(bundle.config.content)["configs"]


def test_the_image_as_the_chart_names_it_changes_nothing(bundle, recipe):
    assert with_image(bundle, recipe, recipe.reference) is bundle


def test_another_image_is_an_override_of_the_modules_installation(bundle, recipe):
    changed = with_image(bundle, recipe, "10.0.0.1:5000/eventing-manager:0.0.4-abc")

    (entry,) = configs(changed)
    assert entry == {
        "name": "eventing",
        "clientConfig": "",
        "overrides": "image.repository=10.0.0.1:5000/eventing-manager,image.tag=0.0.4-abc",
    }
    assert changed.chart == bundle.chart


def test_overrides_that_are_there_already_stay(bundle, recipe):
    given = {"name": "eventing", "clientConfig": "Namespace=a", "overrides": "replicas=2"}
    other = {"name": "other", "clientConfig": "", "overrides": ""}
    content = yaml.safe_dump({"configs": [given, other]}).encode()
    bundle = bundle.__class__(
        module=bundle.module,
        chart=bundle.chart,
        config=Blob(media_type=bundle.config.media_type, content=content),
    )

    changed = configs(with_image(bundle, recipe, "r:1/x:2"))

    assert changed == [other, {**given, "overrides": "replicas=2,image.repository=r:1/x,image.tag=2"}]


def a_deployment(image, **container):
    pod = {"containers": [{"name": "manager", "image": image, "args": ["--leader-elect"], **container}]}
    return {"kind": "Deployment", "spec": {"template": {"spec": pod}}}


def managers(*objects):
    return LifecycleManagers(pair=Choice.REAL, reason="a test", objects=objects, rules=())


def test_a_managers_deployment_runs_our_image_and_is_told_what_tests_need():
    given = a_deployment("eu.gcr.io/kyma-project/module-manager:latest")

    (changed,) = with_images(managers(given), {"module-manager": "r:1/module-manager:2022-abc"}).objects

    (container,) = changed["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "r:1/module-manager:2022-abc"
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["args"][0] == "--leader-elect"
    assert "--custom-state-check" in container["args"]
    assert given == a_deployment("eu.gcr.io/kyma-project/module-manager:latest")


def test_a_deployment_of_another_image_and_other_kinds_stay():
    other, role = a_deployment("nginx:1"), {"kind": "ClusterRole", "rules": []}

    assert with_images(managers(other, role), {"module-manager": "r:1/m:2"}).objects == [other, role]


REGISTRY = RegistryAddress(push="localhost:5001", pull="pods:5000", nodes="nodes:5000")


def a_failure(category, cause):
    return WaitError("it did not come", None, [Symptom(category=category, subject="Pod a/b", cause=cause)])


def test_an_image_of_our_registry_that_cannot_be_pulled_is_explained():
    with pytest.raises(PullError, match=r"nodes:5000, to which we push as localhost:5001") as failed:  # noqa: SIM117
        with explain_pulls(REGISTRY):
            raise a_failure(Category.IMAGE, "its image nodes:5000/x:1 cannot be pulled")

    assert "it did not come" in str(failed.value)


@pytest.mark.parametrize(
    ("category", "cause"),
    [(Category.IMAGE, "its image elsewhere/x:1 cannot be pulled"), (Category.CRASH_LOOP, "nodes:5000")],
)
def test_any_other_failure_stays_what_it_is(category, cause):
    with pytest.raises(WaitError, match="it did not come"), explain_pulls(REGISTRY):
        raise a_failure(category, cause)
