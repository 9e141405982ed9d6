"""Turn a container and its rule into the process that stands for it."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from kubeloop.client.kubeconfig import as_text, cluster_of, kubeconfig_of
from kyma_harness.node.containers.environment import command_line, container_environment
from kyma_harness.node.containers.view import Mounting, Rewritten, View, mounted, rewrite_all
from kyma_harness.node.errors import ContainerConfigError, LaunchError, NodeError, RuleError, VolumeError
from kyma_harness.node.folders import new_file, place_within, remove
from kyma_harness.node.identity.tokens import SERVICE_ACCOUNT_FOLDER
from kyma_harness.node.network.hosts import HOSTS
from kyma_harness.node.rules.placeholders import Placeholders
from kyma_harness.node.rules.rules import Rule, plain_placeholders
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.volumes.mounts import Mounts, mount_path
from kyma_harness.node.volumes.sources import Getter

_HOSTNAME_LENGTH = 63
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
# A working folder within these is the host's, if the host has it: without them nothing runs.
_SYSTEM = frozenset(
    {"bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "usr", "var"}
)
ServicePort = Callable[[str, str, int], int]
"""Gives the host port of a Service's port, by namespace, name and port."""
MARK = "PROCESS_NODE_CONTAINER"
"""The variable by which every process of one start of a container can be told from all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A command, its environment and folder; `view` changes what a later exec asks for.

    Where the view has a root, the working folder is that one's.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Prepare containers for their start.

    `placeholders` are those that are the same for every rule, `server` is the API server's URL, `mounting`
    whether containers can have a root of their own.
    """

    api: Getter
    server: str
    tools: Path
    placeholders: Mapping[str, str]
    service_port: ServicePort
    mounting: Mounting

    async def prepare(
        self, container: Mapping[str, Any], rule: Rule, sandbox: Sandbox, *, attempt: int
    ) -> Launch:
        """Return what to start for the n-th time; ports must have been reserved.

        Raises ContainerConfigError when the environment cannot be built or the rule cannot be filled in, and
        LaunchError when no process can be made of it.
        """
        wanted = await container_environment(
            container, sandbox.facts, self.api, volumes=sandbox.volumes.directories
        )
        try:
            mounts = sandbox.volumes.mounts(container, wanted)
        except VolumeError as error:
            raise ContainerConfigError(str(error)) from error
        files = {}
        if rule.files:
            files = await asyncio.to_thread(self._image_files, rule, container, sandbox)
        mounts = _with_last_words(Mounts({**files, **mounts.directories}), container, sandbox)
        view, cwd = self._view(container, sandbox, mounts, files)
        fill = self._fill(rule, sandbox, view)
        try:
            argv = _argv(container, rule, wanted, fill, view)
            ruled = {name: fill(value) for name, value in rule.env.items()}
        except NodeError as error:
            raise ContainerConfigError(f"{rule.where}: {error}") from error
        asked = {name: view.rewrite(value) for name, value in wanted.items()}
        mark = f"{sandbox.folder}/{container['name']}/{attempt}"
        env = {**self._base(container, sandbox, view), **asked, **ruled, MARK: mark}
        _check_for_nul(argv, env)
        return Launch(argv=tuple(argv), env=env, cwd=cwd, view=view)

    def _fill(self, rule: Rule, sandbox: Sandbox, view: View) -> Callable[..., str]:
        """Return what completes a rule's text: its own mount paths first, as placeholders give host paths."""
        plain = plain_placeholders(rule, self.placeholders, pod_ip=sandbox.facts.address)
        placeholders = Placeholders(
            values={
                name: view.path(value) if value.startswith("/") else value for name, value in plain.items()
            },
            ports={port: sandbox.ports[port] for port in rule.listen},
            service_port=self.service_port,
        )
        return lambda text, **where: placeholders.fill(view.rewrite(text), **where)

    def _image_files(self, rule: Rule, container: Mapping[str, Any], sandbox: Sandbox) -> dict[str, Path]:
        """Copy what stands for files of the image: each start has them as they are in the image."""
        folder = sandbox.container_folder(container["name"], "files", fresh=True)
        plain = Placeholders(
            values=plain_placeholders(rule, self.placeholders, pod_ip=sandbox.facts.address),
            ports={},
            service_port=_no_port,
        )
        copies = {}
        for number, (path, source) in enumerate(rule.files.items()):
            copies[mount_path(path)] = folder / str(number)
            try:
                _copied(rule.source.parent / plain.fill(source), folder / str(number))
            except (NodeError, OSError) as error:
                raise ContainerConfigError(f"{rule.where}: file {path} of the image: {error}") from error
        return copies

    def _view(
        self, container: Mapping[str, Any], sandbox: Sandbox, mounts: Mounts, files: Mapping[str, Path]
    ) -> tuple[View, Path]:
        """Return how the container sees its files, and the folder that it works in."""
        if self.mounting.privilege is None:
            return Rewritten(mounts), _working_folder(container, sandbox, mounts, files)
        mounts = Mounts({HOSTS: sandbox.hosts_file, **mounts.directories})
        cwd = mount_path(container.get("workingDir") or "/")
        if mounts.mounted_at(cwd):
            _within_volume(cwd, mounts)
        elif cwd != "/" and not (PurePosixPath(cwd).parts[1] in _SYSTEM and Path(cwd).is_dir()):
            own = sandbox.container_folder(container["name"], "work", fresh=True)
            mounts = Mounts({**mounts.directories, cwd: own})
        folder = sandbox.container_folder(container["name"], "root")
        try:
            view = mounted(
                folder, mounts, cwd=cwd, hostname=_hostname(sandbox), privilege=self.mounting.privilege
            )
        except OSError as error:
            raise LaunchError(f"the container's root cannot be made: {error}") from error
        return view, folder

    def _base(self, container: Mapping[str, Any], sandbox: Sandbox, view: View) -> dict[str, str]:
        """Return what every container gets; nothing else of our own environment is handed on."""
        name, mounts = container["name"], view.mounts
        search = (str(self.tools), *os.environ.get("PATH", _DEFAULT_PATH).split(os.pathsep))
        temporary = "/tmp"  # noqa: S108
        if mounts.host_path(temporary):
            temporary = view.rewrite(temporary)
        else:
            temporary = view.path(str(sandbox.container_folder(name, "tmp", fresh=True)))
        env = {
            "PATH": os.pathsep.join(view.path(folder) for folder in search),
            "HOME": view.path(str(sandbox.container_folder(name, "home", fresh=True))),
            "TMPDIR": temporary,
            "HOSTNAME": _hostname(sandbox),
            "LANG": "C.UTF-8",
        }
        if view.root:
            server = urlsplit(self.server)
            env |= {
                "KUBERNETES_SERVICE_HOST": server.hostname or "",
                "KUBERNETES_SERVICE_PORT": str(server.port),
                "KUBERNETES_SERVICE_PORT_HTTPS": str(server.port),
            }
        if volume := mounts.host_path(SERVICE_ACCOUNT_FOLDER):
            path = sandbox.container_folder(name, "run") / "kubeconfig"
            # It points into the volume, so that a token that was renewed is read, also from outside.
            folder = Path(view.path(str(volume)))
            document = kubeconfig_of(
                cluster_of(self.server, folder / "ca.crt"),
                {"tokenFile": str(folder / "token")},
                name="pod",
                namespace=sandbox.facts.namespace,
            )
            new_file(path, as_text(document).encode())
            env["KUBECONFIG"] = view.path(str(path))
        return env


def _hostname(sandbox: Sandbox) -> str:
    """Return the pod's hostname, which Linux wants no longer than the label of a name."""
    name = str(sandbox.facts.pod["spec"].get("hostname") or sandbox.facts.name)
    return name[:_HOSTNAME_LENGTH].rstrip("-.")


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
    view: View,
) -> list[str]:
    command, args = (rewrite_all(view, texts) for texts in command_line(container, wanted))
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


def _working_folder(
    container: Mapping[str, Any], sandbox: Sandbox, mounts: Mounts, files: Mapping[str, Path]
) -> Path:
    """Return the container's workingDir: within a volume, or an own folder; never the host's.

    Its own folder stands for the image's root: what the image has is found in it by a relative path.
    """
    root = sandbox.container_folder(container["name"], "root", fresh=True)
    wanted = mount_path(container.get("workingDir") or "/")
    if mounts.mounted_at(wanted):
        return _within_volume(wanted, mounts)
    for path, source in files.items():
        link = root / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)
    return _made_within(root, wanted.lstrip("/"))


def _within_volume(path: str, mounts: Mounts) -> Path:
    folder, within = mounts.mounted_at(path) or (Path(path), "")
    return _made_within(folder, within)


def _made_within(folder: Path, within: str) -> Path:
    try:
        place = place_within(folder, within)
        place.mkdir(parents=True, exist_ok=True)
    except (VolumeError, OSError) as error:
        raise ContainerConfigError(f"workingDir: {error}") from error
    return place


def _copied(source: Path, copy: Path) -> None:
    remove(copy)
    if source.is_dir():
        shutil.copytree(source, copy, symlinks=True)
    else:
        shutil.copy2(source, copy)


def _no_port(namespace: str, name: str, port: int) -> int:
    raise RuleError(f"{{service:{namespace}/{name}:{port}}} is no part of a file's name")
