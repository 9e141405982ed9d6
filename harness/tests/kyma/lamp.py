"""A module that only the tests know: a chart with one ConfigMap, and a custom resource without a manager."""

from pathlib import Path

from harness.kyma.module import Module

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Lamp, plural: lamps, singular: lamp, listKind: LampList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
MODULE = """\
name: example.com/module/lamp
version: %(version)s
channel: %(channel)s
chart: chart
config: config.yaml
defaultCR: lamp.yaml
manager: {namespace: lamps, deployment: lamp-manager}
"""


def write_lamp(
    folder: Path, *, version: str = "1.2.3", channel: str = "regular", namespace: str = "lamps"
) -> Module:
    """Write the module's folder and load it; its chart holds a ConfigMap ``lamp``."""
    files = {
        "module.yaml": MODULE % {"version": version, "channel": channel},
        "config.yaml": "configs:\n",
        "lamp.yaml": (
            "apiVersion: example.com/v1\nkind: Lamp\nmetadata: {name: sample, labels: {colour: red}}\n"
            "spec: {watts: 60}\n"
        ),
        "chart/Chart.yaml": f"apiVersion: v2\nname: lamp\nversion: {version}\n",
        "chart/values.yaml": "watts: 40\n",
        "chart/crds/lamp.yaml": CRD,
        "chart/templates/lamp.yaml": (
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: lamp, namespace: {namespace}}}\n"
            f"data: {{version: '{version}', watts: '{{{{ .Values.watts }}}}'}}\n"
        ),
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return Module.load(folder / "module.yaml")
