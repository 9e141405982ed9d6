"""Run the built-in lifecycle-manager; ``--help`` lists the flags."""

import argparse
import sys
from collections.abc import Callable

from kubeloop.client import Client
from kubeloop.controller import Controller
from kubeloop.events import EventRecorder
from kubeloop.reflector import Reflector
from kubeloop.resource import Object, ObjectKey, controller_owner
from kyma_harness.kyma.contract import (
    KYMA,
    LIFECYCLE_MANAGER,
    MANAGED_BY,
    MANIFEST,
    MODULE_NAME,
    MODULE_TEMPLATE,
)
from kyma_harness.managers.flags import flag_parser
from kyma_harness.managers.lifecycle_manager.reconciler import KymaReconciler
from kyma_harness.managers.patience import Patience
from kyma_harness.managers.program import keep_running, run_program

LEASE = "893110f7.kyma-project.io"


async def serve(client: Client, flags: argparse.Namespace) -> None:
    """Watch Kymas, templates and Manifests, and reconcile Kymas."""
    templates = Reflector(
        client,
        MODULE_TEMPLATE,
        label_selector=f"{MANAGED_BY}={LIFECYCLE_MANAGER}",
        on_change=lambda old, new: _enqueue_users(kymas, new or old, controller.enqueue),
    )
    reconciler = KymaReconciler(
        client,
        templates=templates.all,
        events=EventRecorder(client, LIFECYCLE_MANAGER),
        patience=Patience(base=flags.base, maximum=flags.maximum),
        resync=flags.resync,
    )
    controller = Controller("kyma", reconciler.reconcile, kind=KYMA, workers=flags.workers)
    kymas = Reflector(client, KYMA, on_change=lambda old, new: _enqueue(new or old, controller.enqueue))
    manifests = Reflector(
        client, MANIFEST, on_change=lambda old, new: _enqueue_owner(old, new, controller.enqueue)
    )
    await keep_running(
        LIFECYCLE_MANAGER,
        client,
        flags,
        lease=LEASE,
        reflectors=[templates, kymas, manifests],
        controller=controller,
    )


def _enqueue(kyma: Object | None, enqueue: Callable[[ObjectKey], None]) -> None:
    if kyma is not None:
        enqueue(ObjectKey.of(kyma))


def _enqueue_owner(old: Object | None, new: Object | None, enqueue: Callable[[ObjectKey], None]) -> None:
    """Tell the Kyma of Manifests that come, go, or change their state (contract 2.5)."""
    if old and new and _state(old) == _state(new):
        return
    manifest = new or old or {}
    owner = controller_owner(manifest)
    if owner and owner["kind"] == KYMA.kind:
        enqueue(ObjectKey(manifest["metadata"]["namespace"], owner["name"]))


def _enqueue_users(kymas: Reflector, template: Object | None, enqueue: Callable[[ObjectKey], None]) -> None:
    """Tell the Kymas with the module, unless the template is for this cluster (contract 2.6)."""
    if template is None or template["spec"]["target"] == "control-plane":
        return
    name = template["metadata"]["labels"].get(MODULE_NAME)
    for kyma in kymas.all():
        if any(module["name"] == name for module in kyma["spec"].get("modules", [])):
            enqueue(ObjectKey.of(kyma))


def _state(manifest: Object) -> str | None:
    state: str | None = manifest.get("status", {}).get("state")
    return state


def main() -> int:
    """Parse flags and run."""
    flags = flag_parser(
        LIFECYCLE_MANAGER, listener="--skr-listener-bind-address", base_delay="100ms"
    ).parse_args()
    return run_program(LIFECYCLE_MANAGER, flags, lambda client: serve(client, flags))


if __name__ == "__main__":
    sys.exit(main())
