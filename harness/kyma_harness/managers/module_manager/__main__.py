"""Run the built-in module-manager; ``--help`` lists the flags."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from kubeloop.client import Client
from kubeloop.controller import Controller
from kubeloop.events import EventRecorder
from kubeloop.reflector import Reflector
from kubeloop.resource import Object, ObjectKey
from kyma_harness.kyma.contract import MANIFEST
from kyma_harness.kyma.errors import KymaError
from kyma_harness.kyma.helm import Helm
from kyma_harness.managers.flags import add_switch, flag_parser
from kyma_harness.managers.module_manager.installer import Installer
from kyma_harness.managers.module_manager.layers import Layers
from kyma_harness.managers.module_manager.reconciler import ManifestReconciler
from kyma_harness.managers.patience import Patience
from kyma_harness.managers.program import keep_running, run_program

NAME = "module-manager"
LEASE = "7f5e28d0.kyma-project.io"


async def serve(client: Client, flags: argparse.Namespace) -> None:
    """Watch Manifests and reconcile them; layers are kept in ``$TMPDIR``."""
    installer = Installer(
        client,
        layers=Layers(Path(tempfile.gettempdir()) / "layers"),
        helm=Helm(_program("helm")),
        kubectl=_program("kubectl"),
        custom_state_check=flags.custom_state_check,
        check_ready_states=flags.check_ready_states,
    )
    reconciler = ManifestReconciler(
        client,
        installer=installer,
        events=EventRecorder(client, NAME),
        patience=Patience(base=flags.base, maximum=flags.maximum),
        resync=flags.resync,
    )
    controller = Controller("manifest", reconciler.reconcile, kind=MANIFEST, workers=flags.workers)

    def enqueue(old: Object | None, new: Object | None) -> None:
        if manifest := new or old:
            controller.enqueue(ObjectKey.of(manifest))

    await keep_running(
        NAME,
        client,
        flags,
        lease=LEASE,
        reflectors=[Reflector(client, MANIFEST, on_change=enqueue)],
        controller=controller,
    )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise KymaError(f"there is no {name} on PATH, and modules cannot be rendered without it")
    return found


def main() -> int:
    """Parse flags and run."""
    parser = flag_parser(NAME, listener="--listener-address", base_delay="1s")
    add_switch(parser, "--custom-state-check", dest="custom_state_check")
    add_switch(parser, "--check-ready-states", dest="check_ready_states")
    flags = parser.parse_args()
    return run_program(NAME, flags, lambda client: serve(client, flags))


if __name__ == "__main__":
    sys.exit(main())
