"""Repositories as teams have them: kubebuilder's layout, a chart, a file of YAML."""

import pytest

FILES = {
    "PROJECT": "domain: example.com\nlayout: [go.kubebuilder.io/v4]\nprojectName: torch-operator\n",
    "go.mod": "module example.com/torch-operator\n\ngo 1.24\n",
    "cmd/main.go": "package main\n\nfunc main() {}\n",
    "config/default/kustomization.yaml": (
        "namespace: torch-system\nnamePrefix: torch-\nresources: [../crd, ../manager]\n"
    ),
    "config/crd/kustomization.yaml": "resources: [torches.yaml]\n",
    "config/crd/torches.yaml": """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: torches.operator.example.com}
spec:
  group: operator.example.com
  scope: Namespaced
  names: {kind: Torch, listKind: TorchList, plural: torches, singular: torch}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {watts: {type: integer}}}
          status: {type: object, properties: {state: {type: string}}}
""",
    "config/manager/kustomization.yaml": (
        "resources: [manager.yaml]\n"
        "images: [{name: controller, newName: example.com/torch-operator, newTag: v1.2.3}]\n"
    ),
    "config/manager/manager.yaml": """\
apiVersion: v1
kind: Namespace
metadata: {name: system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller-manager, namespace: system}
spec:
  selector: {matchLabels: {control-plane: controller-manager}}
  template:
    metadata: {labels: {control-plane: controller-manager}}
    spec:
      containers:
      - name: kube-rbac-proxy
        image: gcr.io/kubebuilder/kube-rbac-proxy:v0.13.1
      - name: manager
        image: controller:latest
        args: [--leader-elect, --health-probe-bind-address=:8081, "--metrics-bind-address=127.0.0.1:8080"]
        readinessProbe: {httpGet: {path: /readyz, port: 8081}}
""",
    "config/samples/kustomization.yaml": "resources: [torch.yaml]\n",
    "config/samples/torch.yaml": (
        "apiVersion: operator.example.com/v1alpha1\nkind: Torch\n"
        "metadata: {name: sample}\nspec: {watts: 60}\n"
    ),
}


@pytest.fixture
def repository(tmp_path):
    """Write a repository of kubebuilder's, and return its folder; a file may have another text."""

    def make(**changes):
        folder = tmp_path / "torch-operator"
        for path, text in (FILES | changes).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    return make
