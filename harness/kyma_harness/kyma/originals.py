"""The lifecycle managers of December 2022: out of a folder of programs, or built with Go."""

import asyncio
import hashlib
import json
import lzma
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kyma_harness.host.errors import CommandError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.process import run
from kyma_harness.kyma.errors import DistributionError
from kyma_harness.kyma.pair import BINARIES, MANIFESTS, Folder


def settle(partial: Path, target: Path) -> None:
    """Move a filled folder to its place beside it; where another run was faster, its folder stays."""
    try:
        partial.rename(target)
    except OSError:
        if not target.is_dir():
            raise


CHUNK = 1 << 20


async def prebuilt(dist: Path, cache: Path) -> Folder:
    """Unpack the folder's four files into the cache, once for each content.

    Binaries may be plain or ``.xz``. Raises :class:`DistributionError` that names every file that is missing.
    """
    return await asyncio.to_thread(_unpack, dist, cache)


def _unpack(dist: Path, cache: Path) -> Folder:
    files = {name: _locate(dist, name) for name in (*BINARIES, *MANIFESTS)}
    missing = [name for name, path in files.items() if path is None]
    if missing:
        raise DistributionError(
            f"{dist} lacks {', '.join(missing)}: it has to hold {', '.join(BINARIES)} (plain or .xz) and "
            f"{', '.join(MANIFESTS)}"
        )
    found = {name: path for name, path in files.items() if path}
    target = cache / "kyma" / f"dist-{_digest(found)[:16]}"
    if not target.is_dir():
        _fill(target, found)
    return Folder(path=target, origin=f"from {dist}")


def _locate(dist: Path, name: str) -> Path | None:
    candidates = [dist / name, dist / f"{name}.xz"] if name in BINARIES else [dist / name]
    return next((path for path in candidates if path.is_file()), None)


def _digest(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _fill(target: Path, files: dict[str, Path]) -> None:
    """Fill a folder beside the target and move it there, so that nobody meets a half-filled one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for name, path in files.items():
            _copy(path, partial / name)
        partial.chmod(0o755)
        settle(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    opener = lzma.open if source.suffix == ".xz" else open
    try:
        with opener(source, "rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, CHUNK)
    except (lzma.LZMAError, EOFError) as error:
        raise DistributionError(f"{source} is not a whole xz file ({error}): fetch it again") from None
    target.chmod(0o755 if target.name in BINARIES else 0o644)


DOWNLOAD_TIMEOUT = 300.0
"""Seconds; the modules' dependencies are some 200 MB."""
BUILD_TIMEOUT = 900.0
"""Seconds; one minute where two cores are free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoModule:
    """A manager's Go module at one commit; its last path element is the binary's name."""

    path: str
    version: str

    @property
    def name(self) -> str:
        """The name of the binary, and of its manifest without ``.yaml``."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"


MANAGERS = (
    GoModule(path="github.com/kyma-project/lifecycle-manager", version="v0.0.0-20221201095916-cf9417a4b972"),
    GoModule(path="github.com/kyma-project/module-manager", version="v0.0.0-20221125165158-b84c96f2a9db"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoSource:
    """Both managers from their Go modules; an instance is a source for ``distribution.find``."""

    cache: Path
    kubectl: Path
    """Renders ``config/default`` with its built-in kustomize."""
    modules: Sequence[GoModule] = MANAGERS
    on_progress: Callable[[str], None] = lambda _: None

    async def __call__(self) -> Folder:
        """Return the cached build, or build; GOPROXY and its like are those of the environment."""
        target = self.cache / "kyma" / "-".join(module.version.rpartition("-")[2] for module in self.modules)
        origin = "built from " + " and ".join(map(str, self.modules))
        if not await asyncio.to_thread(target.is_dir):
            await self._build_once(target)
        return Folder(path=target, origin=origin)

    async def _build_once(self, target: Path) -> None:
        """Build, or wait for another run that builds the same: it takes all processors for a minute."""
        go = shutil.which("go")
        if go is None:
            raise DistributionError("there is no go on PATH to build them with")
        lock = FileLock(target.with_name(f".{target.name}.lock"), purpose="building lifecycle managers")
        if not lock.try_acquire():
            self.on_progress(f"waiting for {lock.holder() or 'another process'}")
            await lock.acquire_async()
        try:
            if not await asyncio.to_thread(target.is_dir):  # the other run may have built it
                await self._build(go, target)
        finally:
            lock.remove()

    async def _build(self, go: str, target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            partial = Path(folder) / "files"
            await asyncio.to_thread(partial.mkdir)
            for module in self.modules:
                await self._build_one(go, module, partial)
            await asyncio.to_thread(settle, partial, target)

    async def _build_one(self, go: str, module: GoModule, folder: Path) -> None:
        try:
            self.on_progress(f"fetching {module}")
            source = await _download(go, module, folder)
            self.on_progress(f"building {module}")
            await _install(go, module, folder)
            config = source / "config" / "default"
            rendered = await run([self.kubectl, "kustomize", config], timeout=60)
        except CommandError as error:
            raise DistributionError(f"{module}: {error}") from error
        await asyncio.to_thread((folder / f"{module.name}.yaml").write_text, rendered.stdout, "utf-8")


async def _download(go: str, module: GoModule, folder: Path) -> Path:
    argv = [go, "mod", "download", "-json", str(module)]
    # In a folder of ours: a go.mod or go.work of the user's would have a say in it.
    done = await run(argv, timeout=DOWNLOAD_TIMEOUT, check=False, cwd=folder)
    answer = json.loads(done.stdout or "{}")
    if done.returncode or "Dir" not in answer:
        reason = answer.get("Error") or done.stderr.strip() or "go mod download gave no folder"
        raise DistributionError(f"{module} cannot be fetched: {_in_a_line(reason, module)}")
    return Path(answer["Dir"])


async def _install(go: str, module: GoModule, folder: Path) -> None:
    env = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"}
    argv = [go, "install", "-trimpath", "-ldflags=-s -w", str(module)]
    await run(argv, timeout=BUILD_TIMEOUT, env=env, cwd=folder)


def _in_a_line(reason: str, module: GoModule) -> str:
    """Return Go's reason without the module's name, which it begins with, and without line breaks."""
    return " ".join(reason.removeprefix(f"{module}: ").split())
