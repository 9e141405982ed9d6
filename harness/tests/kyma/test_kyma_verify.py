"""A module is verified by the contract and by what its own module.yaml adds."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from lamp import LAMP, NAME, LampKyma, write_lamp
from stored import KYMA_DEFINITIONS, StoredCluster, an_object

from kyma_harness.clusters.provider import Provider
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import KCP_NAMESPACE
from kyma_harness.kyma.errors import ModuleError
from kyma_harness.kyma.module import Module, Switch, Verification
from kyma_harness.kyma.verify import differences_from_default, load_script, verify

SCRIPT = """
from kyma_harness.kyma.verify import Check

async def checks(installed, client):
    return [Check(name=f"{installed.module.short_name} shines", ok=False, detail="it is dark")]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lit:
    """The lamp in its cluster, whose provider nobody asks for anything."""

    module: Module
    provider: Provider


async def lit(lamp: LampKyma, verification: Verification) -> Lit:
    await deploy.enable_module(lamp.client, "lamp")
    await lamp.shine()
    await deploy.wait_until_ready(lamp.client, lamp.module)
    return Lit(module=replace(lamp.module, verification=verification), provider=cast("Provider", None))


async def test_every_check_holds_for_a_module_that_is_ready(lamp: LampKyma):
    installed = await lit(lamp, Verification())

    checks = await verify(installed, lamp.client)

    assert [check for check in checks if not check.ok] == []
    assert len(checks) > 5


async def test_what_does_not_hold_is_named_with_what_was_seen(lamp: LampKyma, tmp_path: Path):
    script = tmp_path / "verify.py"
    script.write_text(SCRIPT)
    installed = await lit(lamp, Verification(finalizer="example.com/hold", log={"a": "*"}, script=script))
    await lamp.client.merge_patch(LAMP, NAME, {"spec": {"watts": 25}}, namespace=KCP_NAMESPACE)

    checks = await verify(installed, lamp.client)

    failed = {check.name: check.detail for check in checks if not check.ok}
    assert failed.pop("the cluster can be asked").startswith("GET Deployment lamps/lamp-manager: 404")
    assert failed == {
        f"Lamp kcp-system/{NAME} has the finalizer example.com/hold": "it has none",
        f"Lamp kcp-system/{NAME} has the default's spec": "watts is 25, not 60",
        "lamp shines": "it is dark",
    }


def a_kyma(*modules):
    return an_object(
        "Kyma",
        "default-kyma",
        KCP_NAMESPACE,
        api_version="operator.kyma-project.io/v1alpha1",
        spec={"channel": "regular", "modules": [{"name": one} for one in modules]},
        status={"state": "Ready", "activeChannel": "regular"},
    )


UNREACHABLE = """
from kyma_harness.embedded.errors import NoAddressError

async def checks(installed, client):
    raise NoAddressError("Service lamps/lamp cannot be reached")
"""


@pytest.mark.parametrize(("modules", "listed"), [((), "none"), (("torch", "candle"), "torch, candle")])
async def test_a_module_that_is_not_enabled_is_said_to_be_so_at_once_beside_what_holds(
    tmp_path: Path, modules: tuple[str, ...], listed: str
):
    cluster = StoredCluster(*KYMA_DEFINITIONS, a_kyma(*modules))
    installed = Lit(module=write_lamp(tmp_path), provider=cast("Provider", None))

    first, *others = await verify(installed, cluster, within=1e9)

    assert str(first.name) == "Kyma kcp-system/default-kyma lists the module lamp"
    assert first.detail == f"it lists {listed}: `kyma-harness enable` adds it"
    assert {one.name: one.ok for one in others} == {
        "Kyma kcp-system/default-kyma has the finalizer operator.kyma-project.io/Kyma": False,
        "Kyma kcp-system/default-kyma is managed by lifecycle-manager": False,
        "Kyma kcp-system/default-kyma is Ready in its channel": True,
    }


async def test_checks_that_cannot_be_taken_keep_no_other_from_being_shown(tmp_path: Path):
    (script := tmp_path / "verify.py").write_text(UNREACHABLE)
    module = replace(write_lamp(tmp_path / "lamp"), verification=Verification(script=script))
    cluster = StoredCluster(*KYMA_DEFINITIONS, a_kyma("lamp"))

    checks = await verify(Lit(module=module, provider=cast("Provider", None)), cluster, within=0.1)

    details = [one.detail for one in checks if one.name == "the cluster can be asked"]
    assert "Service lamps/lamp cannot be reached" in details
    assert len(details) == 3


SWITCH = Switch(path="spec.colour.name", values=("red", "green"))


@pytest.mark.parametrize(
    ("spec", "lacking"),
    [
        ({"colour": {"name": "red"}, "watts": 60}, []),
        ({"colour": {"name": "green"}, "watts": 60}, []),
        ({"colour": {"name": "blue"}, "watts": 60}, ["colour.name is 'blue', not 'red'"]),
        ({"colour": {"name": "green"}, "watts": 1}, ["watts is 1, not 60"]),
        ({"watts": 60}, ["colour is None, not {'name': 'red'}"]),
    ],
)
def test_what_users_may_switch_is_as_they_like_it(tmp_path: Path, spec, lacking):
    default = {"spec": {"colour": {"name": "red"}, "watts": 60}}
    module = replace(write_lamp(tmp_path), switch=SWITCH, default_cr=default)

    assert differences_from_default(module, spec) == lacking


def test_a_script_without_checks_is_refused(tmp_path: Path):
    script = tmp_path / "verify.py"
    script.write_text("answer = 42\n")

    with pytest.raises(ModuleError, match=r"has no function `checks\(installed, client\)`"):
        load_script(script)


COUNTING = """
from pathlib import Path
from kyma_harness.kyma.verify import Check

with Path("{folder}", "loaded").open("a") as file:
    file.write("loaded ")

async def checks(installed, client):
    asked = Path("{folder}", "asked")
    asked.write_text(asked.read_text() + "asked " if asked.exists() else "asked ")
    if asked.read_text() == "asked asked ":
        raise KeyError("enough")
    return [Check(name="it shines", ok=False)]
"""


async def test_a_script_is_loaded_once_and_asked_as_often_as_it_takes(tmp_path: Path):
    script = tmp_path / "verify.py"
    script.write_text(COUNTING.format(folder=tmp_path))
    module = replace(write_lamp(tmp_path / "lamp"), verification=Verification(script=script))

    with pytest.raises(KeyError, match="enough"):
        await verify(Lit(module=module, provider=cast("Provider", None)), StoredCluster(), within=60)

    assert (tmp_path / "loaded").read_text() == "loaded "
    assert (tmp_path / "asked").read_text() == "asked asked "


@pytest.mark.parametrize(
    ("package", "remedy"),
    [
        ("nats.no_such_part", r"`pip install 'kyma-harness\[nats\]'` brings it"),
        ("no_such_package", "install it where kyma-harness is"),
    ],
)
def test_a_script_that_needs_what_is_not_installed_says_so(tmp_path: Path, package: str, remedy: str):
    script = tmp_path / "verify.py"
    script.write_text(f"import {package}\n")

    name = package.partition(".")[0]
    with pytest.raises(
        ModuleError,
        match=f"verify.py needs more .*: the Python package {name} is not installed here: {remedy}",
    ):
        load_script(script)
