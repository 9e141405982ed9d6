"""A namespace for one test, so that tests that need no more can run side by side."""

import re
import secrets
from collections.abc import Iterator

import pytest

from kubeloop.errors import ControllerError
from kubeloop.kinds import NAMESPACE
from kyma_harness.kube.inventory import TEST_LABEL
from kyma_harness.pytest.handles.api import Api
from kyma_harness.wait.waits import WaitError

GOING_SECONDS = 60.0
_NAME_LENGTH = 40


def a_namespace(api: Api, test: str) -> Iterator[str]:
    """Give a namespace of the test's own; after it the namespace goes, and the test fails if it cannot go."""
    slug = re.sub(r"[^a-z0-9]+", "-", test.lower())[:_NAME_LENGTH].strip("-")
    name = f"{slug}-{secrets.token_hex(3)}"
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {TEST_LABEL: "true"}},
        }
    )
    yield name
    api.delete(NAMESPACE, name)
    remains = ""
    try:
        api.expect(NAMESPACE, name).to_be_gone(within=GOING_SECONDS)
    except WaitError as error:
        left = _inside(api, name)
        remains = f"namespace {name} of this test does not go, and there is still {left}\n{error}"
    if remains:  # raised here, it does not drag the other one along
        pytest.fail(remains, pytrace=False)


def _inside(api: Api, name: str) -> str:
    """Say what is in a namespace, as far as that can be seen: nothing is to hide why we ask."""
    try:
        found = api.inventory()
    except ControllerError as error:
        return f"what cannot be listed ({error})"
    unseen = [f"({one})" for one in found.unseen.sentences()]
    return ", ".join([*found.inside(name), *unseen]) or "nothing that can be listed"
