"""Tell module-manager, in the bundle's config layer, which image the module's manager runs (contract 3.5)."""

from dataclasses import replace
from typing import Any

from kubeloop import goyaml
from kyma_harness.oci.bundle import Blob, Bundle
from kyma_harness.oci.recipe import Recipe


def with_image(bundle: Bundle, recipe: Recipe, reference: str) -> Bundle:
    """Return the bundle with the chart's image values overridden; as it is where they say so already."""
    if reference == recipe.reference:
        return bundle
    repository, _, tag = reference.rpartition(":")
    values = f"{recipe.repository_value}={repository},{recipe.tag_value}={tag}"
    data = goyaml.load(bundle.config.content) or {}
    configs: list[dict[str, Any]] = list(data.get("configs") or ())
    name = bundle.module.short_name
    own = next((entry for entry in configs if entry.get("name") == name), {"name": name, "clientConfig": ""})
    given = own.get("overrides")
    own = {**own, "overrides": f"{given},{values}" if given else values}
    others = [entry for entry in configs if entry.get("name") != name]
    content = goyaml.dump({**data, "configs": [*others, own]})
    return replace(bundle, config=Blob(media_type=bundle.config.media_type, content=content.encode()))
