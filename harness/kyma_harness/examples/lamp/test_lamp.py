"""The life of a Lamp: a test to begin with."""

from kubeloop.kinds import CONFIG_MAP
from kyma_harness import Api, Kind, KymaHandle

LAMP = Kind.parse("example.com/v1", "Lamp")
NAME, NAMESPACE = "default-kyma-lamp", "kcp-system"


def test_an_added_lamp_shines(kyma: KymaHandle, api: Api) -> None:
    """The lifecycle managers install the chart and create the Lamp; its manager switches the light on."""
    kyma.enable("lamp")

    api.expect(LAMP, NAME, NAMESPACE).to_have_state("Ready")
    kyma.manifest("lamp").to_have_state("Ready")
    kyma.expect().to_have_state("Ready")
    assert api.get(CONFIG_MAP, NAME, NAMESPACE)["data"] == {"watts": "60", "colour": "white"}


def test_a_removed_lamp_leaves_no_light(kyma: KymaHandle, api: Api) -> None:
    """The Lamp goes first, and its light with it."""
    kyma.enable("lamp")
    kyma.manifest("lamp").to_have_state("Ready")
    kyma.expect().to_have_state("Ready")

    kyma.disable("lamp")

    kyma.manifest("lamp").to_be_gone()
    api.expect(LAMP, NAME, NAMESPACE).to_be_gone()
    api.expect(CONFIG_MAP, NAME, NAMESPACE).to_be_gone()
