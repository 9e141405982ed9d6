"""Whose rule runs an image, where a module's rules and the managers' both match it."""

from dataclasses import replace
from pathlib import Path

import pytest

from kyma_harness.cli.example import LAMP
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import builtin_pair
from kyma_harness.node.rules.rules import Rules
from kyma_harness.session.setup import rules_in_order


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("eu.gcr.io/kyma-project/lifecycle-manager:latest", "builtin.yaml"),
        ("eu.gcr.io/kyma-project/module-manager:latest", "builtin.yaml"),
        ("eu.gcr.io/kyma-project/lamp-manager:latest", "rules.yaml"),
        ("nats:2.9", "rules.yaml"),
    ],
)
async def test_a_module_replaces_nats_and_never_the_lifecycle_managers(tmp_path: Path, image: str, file: str):
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {image: '*kyma-project*', simulate: true}\n- {image: 'nats:*', simulate: true}\n")
    module = replace(Module.load(LAMP / "module.yaml"), rules=rules)

    order = rules_in_order(module, await builtin_pair("asked for"))

    assert Rules.load(order).match(image).source.name == file


async def test_a_module_without_rules_has_the_managers_alone():
    managers = await builtin_pair("asked for")
    module = replace(Module.load(LAMP / "module.yaml"), rules=None)

    assert rules_in_order(module, managers) == list(managers.rules)
