"""Turn a container and its rule into the process that stands for it."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeloop.client.kubeconfig import as_text, cluster_of, kubeconfig_of
from kyma_harness.node.containers.environment import command_line, container_environment
from kyma_harness.node.errors import ContainerConfigError, LaunchError, NodeError, VolumeError
from kyma_harness.node.folders import new_file, place_within
from kyma_harness.node.identity.tokens import SERVICE_ACCOUNT_FOLDER
from kyma_harness.node.rules.placeholders import Placeholders
from kyma_harness.node.rules.rules import Rule, plain_placeholders
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.volumes.mounts import Mounts, mount_path
from kyma_harness.node.volumes.sources import Getter

_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
ServicePort = Callable[[str, str, int], int]
"""Gives the host port of a Service's port, by namespace, name and port."""
MARK = "PROCESS_NODE_CONTAINER"
"""The variable by which every process of one start of a container can be told from all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A command, its environment and folder; `mounts` rewrites what a later exec asks for."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    mounts: Mounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Prepare containers for their start.

    `placeholders` are those that are the same for every rule, `server` is the API server's URL.
    """

    api: Getter
    server: str
    tools: Path
    placeholders: Mapping[str, str]
    service_port: ServicePort

    async def prepare(
        self, container: Mapping[str, Any], rule: Rule, sandbox: Sandbox, *, attempt: int
    ) -> Launch:
        """Return what to start for the n-th time; ports must have been reserved.

        Raises ContainerConfigError when the environment cannot be built or the rule cannot be filled in, and
        LaunchError when no process can be made of it.
        """
        wanted = await container_environment(container, sandbox.facts, self.api)
        try:
            mounts = _with_last_words(sandbox.volumes.mounts(container, wanted), container, sandbox)
        except VolumeError as error:
            raise ContainerConfigError(str(error)) from error
        fill = self._fill(rule, sandbox, mounts)
        try:
            argv = _argv(container, rule, wanted, fill, mounts)
            ruled = {name: fill(value) for name, value in rule.env.items()}
        except NodeError as error:
            raise ContainerConfigError(f"{rule.where}: {error}") from error
        asked = {name: mounts.rewrite(value) for name, value in wanted.items()}
        mark = f"{sandbox.folder}/{container['name']}/{attempt}"
        env = {**self._base(container, sandbox, mounts), **asked, **ruled, MARK: mark}
        _check_for_nul(argv, env)
        return Launch(
            argv=tuple(argv), env=env, cwd=_working_folder(container, sandbox, mounts), mounts=mounts
        )

    def _fill(self, rule: Rule, sandbox: Sandbox, mounts: Mounts) -> Callable[..., str]:
        """Return what completes a rule's text: its own mount paths first, as placeholders give host paths."""
        placeholders = Placeholders(
            values=plain_placeholders(rule, self.placeholders),
            ports={port: sandbox.ports[port] for port in rule.listen},
            service_port=self.service_port,
        )
        return lambda text, **where: placeholders.fill(mounts.rewrite(text), **where)

    def _base(self, container: Mapping[str, Any], sandbox: Sandbox, mounts: Mounts) -> dict[str, str]:
        """Return what every container gets; nothing else of our own environment is handed on."""
        name = container["name"]
        env = {
            "PATH": f"{self.tools}{os.pathsep}{os.environ.get('PATH', _DEFAULT_PATH)}",
            "HOME": str(sandbox.container_folder(name, "home", fresh=True)),
            "TMPDIR": str(mounts.host_path("/tmp") or sandbox.container_folder(name, "tmp", fresh=True)),  # noqa: S108
            "HOSTNAME": sandbox.facts.pod["spec"].get("hostname") or sandbox.facts.name,
            "LANG": "C.UTF-8",
        }
        if folder := mounts.host_path(SERVICE_ACCOUNT_FOLDER):
            path = sandbox.container_folder(name, "run") / "kubeconfig"
            # It points into the volume, so that a token that was renewed is read.
            document = kubeconfig_of(
                cluster_of(self.server, folder / "ca.crt"),
                {"tokenFile": str(folder / "token")},
                name="pod",
                namespace=sandbox.facts.namespace,
            )
            new_file(path, as_text(document).encode())
            env["KUBECONFIG"] = str(path)
        return env


def termination_message_path(container: Mapping[str, Any]) -> str:
    """Return the path at which the container leaves its last words."""
    return mount_path(container.get("terminationMessagePath") or "/dev/termination-log")


def _with_last_words(mounts: Mounts, container: Mapping[str, Any], sandbox: Sandbox) -> Mounts:
    """Mount the termination message file, as a kubelet does, unless it lies in a volume."""
    path = termination_message_path(container)
    if mounts.host_path(path):
        return mounts
    file = new_file(sandbox.container_folder(container["name"], "run") / "termination-log")
    return Mounts({**mounts.directories, path: file})


def _argv(
    container: Mapping[str, Any],
    rule: Rule,
    wanted: Mapping[str, str],
    fill: Callable[..., str],
    mounts: Mounts,
) -> list[str]:
    command, args = map(mounts.rewrite_all, command_line(container, wanted))
    if rule.command:
        command = [fill(text) for text in rule.command]
    if not command and not rule.simulate:
        raise ContainerConfigError("neither the rule nor the container has a command: add one to the rule")
    listen = [fill(flag, listen=port) for port, flags in rule.listen.items() for flag in flags]
    return [*command, *args, *(fill(text) for text in rule.args), *listen]


def _check_for_nul(argv: Iterable[str], env: Mapping[str, str]) -> None:
    """Raise LaunchError for what ends at its first NUL byte in every program: the API lets it pass."""
    for name, value in env.items():
        if "\0" in value:
            raise LaunchError(
                f"variable {name} has a NUL byte in it, which no process can be given: remove it"
            )
    if any("\0" in argument for argument in argv):
        raise LaunchError("the command has a NUL byte in it, which no process can be given: remove it")


def _working_folder(container: Mapping[str, Any], sandbox: Sandbox, mounts: Mounts) -> Path:
    """Return the container's workingDir: within a volume, or an own folder; never the host's."""
    folder, within = sandbox.container_folder(container["name"], "root"), ""
    if wanted := mount_path(container.get("workingDir") or "/").lstrip("/"):
        mounted = mounts.mounted_at(f"/{wanted}")
        folder, within = mounted or (folder, wanted)
    try:
        place = place_within(folder, within)
    except VolumeError as error:
        raise ContainerConfigError(f"workingDir: {error}") from error
    place.mkdir(parents=True, exist_ok=True)
    return place
