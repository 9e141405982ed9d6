"""Two bundles of the same module are the same, whoever makes them, where, when and under which settings."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from eventually import PATIENCE

from kyma_harness.cli.example import LAMP
from kyma_harness.host.process import run

NOBODY = 65534
DIGESTS = """\
import json, os, sys
from pathlib import Path
from kyma_harness.oci.bundle import artifact, pack
from kyma_harness.kyma.module import Module
from kyma_harness.oci.template import template

os.umask(int(sys.argv[2], 8))
bundle = pack(Module.load(Path(sys.argv[1])))
packed = artifact(bundle, "registry.localhost:5000/unsigned")
blobs = [packed.manifest.digest, *(blob.digest for blob in packed.blobs)]
print(json.dumps({"blobs": blobs, "template": template(bundle, "registry.localhost:5000/unsigned")}))
"""


def copied(folder: Path, *, mode: int, modified: int, backwards: bool) -> Path:
    """Copy the Lamp file by file, so that the folder lists them in another order, with modes and times."""
    files = sorted(path for path in LAMP.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in reversed(files) if backwards else files:
        target = folder / path.relative_to(LAMP)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(mode)
        os.utime(target, (modified, modified))
    return folder


async def digests_of(folder: Path, *, umask: str, env: Mapping[str, str]) -> dict[str, object]:
    paths = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH"}}
    argv = [sys.executable, "-c", DIGESTS, folder / "module.yaml", umask]
    done = await run(argv, timeout=PATIENCE, env={**paths, **env}, cwd=folder)
    digests: dict[str, object] = json.loads(done.stdout)
    return digests


async def test_a_bundle_tells_nothing_of_the_machine_the_time_and_the_user_it_was_made_by(tmp_path: Path):
    here = copied(tmp_path / "here", mode=0o644, modified=1_670_000_000, backwards=False)
    there = copied(tmp_path / "an other" / "plâce", mode=0o600, modified=1_790_000_000, backwards=True)
    if os.getuid() == 0:
        for path in there.rglob("*"):
            os.chown(path, NOBODY, NOBODY)

    first = await digests_of(
        here, umask="022", env={"TZ": "UTC", "LC_ALL": "C", "USER": "ann", "HOME": "/home/ann"}
    )
    second = await digests_of(
        there,
        umask="077",
        env={
            "TZ": "Pacific/Kiritimati",
            "LC_ALL": "C.UTF-8",
            "USER": "bob",
            "HOME": "/srv/bob",
            "PYTHONHASHSEED": "7",
        },
    )

    assert first == second
