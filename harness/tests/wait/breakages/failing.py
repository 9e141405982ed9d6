"""Modules that are broken, each in one way; what is said of each is read by ``test_wait_breakages.py``."""

import re
from collections.abc import Callable

import pytest

from kubeloop.client import Client
from kubeloop.resource import Kind
from kyma_harness.host.blocking import Portal
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import KCP_NAMESPACE
from kyma_harness.kyma.module import Module
from kyma_harness.pytest.handles.api import Api
from kyma_harness.pytest.handles.kyma import KymaHandle
from kyma_harness.session.setup import Testbed

LAMPS = Kind.parse("example.com/v1", "Lamp")
NAME = "default-kyma-lamp"
Offer = Callable[..., Module]
IMAGE = "registry.example.com/lamp-manager:1.0.0"
VALUES = "chart/values.yaml"
UNRENDERED = (
    "chart/templates/deployment.yaml",
    "{{ .Values.colour | quote }}",
    (
        '{{ if .Capabilities.APIVersions.Has "operator.kyma-project.io/v1alpha1" }}'
        "{{ .Values.shade.name }}{{ else }}white{{ end }}"
    ),
)
"""It renders as it is bundled, where no cluster says what it serves."""


def test_a_wrong_image(offer: Offer, kyma: KymaHandle):
    offer((VALUES, IMAGE, "registry.example.com/nothing:1"))

    kyma.enable("lamp")
    kyma.manifest("lamp").to_have_state("Ready", within=60)


def test_a_program_that_is_not_there(offer: Offer, kyma: KymaHandle):
    offer((VALUES, IMAGE, "registry.example.com/missing-manager:1"))

    kyma.enable("lamp")
    kyma.manifest("lamp").to_have_state("Ready", within=60)


def test_an_image_that_only_the_manager_knows(offer: Offer, kyma: KymaHandle):
    offer((VALUES, "white", "operand"))

    kyma.enable("lamp")
    kyma.manifest("lamp").to_have_state("Ready", within=60)


def test_a_resource_that_is_never_ready(offer: Offer, kyma: KymaHandle, api: Api):
    offer((VALUES, "white", "never"))

    kyma.enable("lamp")
    api.expect(LAMPS, NAME, KCP_NAMESPACE).to_have_state("Processing")
    kyma.manifest("lamp").to_have_state("Processing")
    kyma.manifest("lamp").to_have_state("Ready", within=5)


def test_a_finalizer_that_hangs(offer: Offer, kyma: KymaHandle):
    offer((VALUES, "white", "stubborn"))
    kyma.enable("lamp")
    kyma.manifest("lamp").to_have_state("Ready")

    kyma.disable("lamp")
    kyma.manifest("lamp").to_be_gone(within=10)


def test_a_chart_that_does_not_render(offer: Offer, kyma: KymaHandle):
    offer(UNRENDERED)

    kyma.enable("lamp")
    kyma.manifest("lamp").to_have_state("Ready", within=60)


@pytest.mark.usefixtures("kyma")
def test_a_chart_that_does_not_render_as_up_enables_it(
    offer: Offer, testbed: Testbed, client: Client, portal: Portal
):
    module = offer(UNRENDERED)

    portal.call(deploy.enable_module(client, "lamp", quirks=testbed.managers.quirks))
    portal.call(deploy.wait_until_ready(client, module, within=60))


def test_a_registry_that_is_gone(offer: Offer, kyma: KymaHandle, testbed: Testbed):
    (address,) = set(re.findall(r"127\.0\.0\.1:\d+|localhost:\d+", testbed.provider.registry.pull))
    offer(template=(address, "127.0.0.1:9"))

    kyma.enable("lamp")
    kyma.manifest("lamp").to_have_state("Ready", within=60)
