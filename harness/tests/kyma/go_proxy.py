"""A Go module proxy on disk, with a little program in it."""

import json
import zipfile
from pathlib import Path

from kyma_harness.kyma.originals import GoModule

MODULES = tuple(
    GoModule(path=f"example.com/{name}", version=f"v0.0.0-20221201095916-{commit}")
    for name, commit in (("lifecycle-manager", "cf9417a4b972"), ("module-manager", "b84c96f2a9db"))
)
PROGRAM = 'package main\n\nfunc main() { println("a manager of the tests") }\n'


def write_proxy(folder: Path, *, program: str = PROGRAM) -> str:
    """Write both modules; returns the URL for GOPROXY."""
    for module in MODULES:
        place = folder / module.path / "@v"
        place.mkdir(parents=True)
        files = {
            "go.mod": f"module {module.path}\n\ngo 1.21\n",
            "main.go": program,
            "config/default/kustomization.yaml": "resources: [manager.yaml]\nnamePrefix: kcp-\n",
            "config/default/manager.yaml": (
                f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {module.name}}}\n"
            ),
        }
        (place / "list").touch()
        (place.parent / "@latest").write_text(json.dumps({"Version": module.version}))
        (place / f"{module.version}.mod").write_text(files["go.mod"])
        (place / f"{module.version}.info").write_text(json.dumps({"Version": module.version}))
        with zipfile.ZipFile(place / f"{module.version}.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(f"{module}/{name}", content)
    return folder.as_uri()
