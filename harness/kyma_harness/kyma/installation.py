"""Read how a module's charts are to be installed: the config layer, which is the module's ``config.yaml``.

It is judged as module-manager of December 2022 judges it, which knows no default for anything (contract 3.5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubeloop import goyaml
from kyma_harness.kyma.errors import KymaError
from kyma_harness.kyma.helm import Helm

DEFAULT_NAMESPACE = "default"
_SWITCHES = (
    *("Atomic", "ClientOnly", "CreateNamespace", "DependencyUpdate", "Devel", "DisableHooks", "DryRun"),
    *("DisableOpenAPIValidation", "GenerateName", "IncludeCRDs", "InsecureSkipTLSverify", "IsUpgrade"),
    *("PassCredentialsAll", "Replace", "SkipCRDs", "SubNotes", "UseReleaseName", "Verify", "Wait"),
    "WaitForJobs",
)
_TEXTS = (
    *("CaFile", "CertFile", "Description", "KeyFile", "Keyring", "NameTemplate", "Namespace", "OutputDir"),
    *("Password", "ReleaseName", "RepoURL", "Username", "Version"),
)
_FLAGS: Mapping[str, type] = {
    **dict.fromkeys(_SWITCHES, bool),
    **dict.fromkeys(_TEXTS, str),
    "Timeout": int,
}
"""What ``clientConfig`` can set: the fields of helm's install action, and of which type each is."""
_NAMES = {bool: "true or false", str: "a text", int: "a number"}


class ConfigError(KymaError):
    """A config layer that module-manager could not make sense of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one chart is installed."""

    client_config: Mapping[str, Any]
    """Fields of helm's install action; two of them count here."""
    overrides: str
    """Values, as helm's ``--set`` takes them."""
    values: Mapping[str, Any]
    """What helm makes of the overrides."""

    @property
    def namespace(self) -> str:
        """Where objects go that name no namespace."""
        return self.client_config.get("Namespace") or DEFAULT_NAMESPACE

    @property
    def creates_namespace(self) -> bool:
        """Whether that namespace is made, too."""
        return self.client_config.get("CreateNamespace", False) and self.namespace != DEFAULT_NAMESPACE


def entries_of(content: bytes, source: str) -> list[Any]:
    """Return the entries of a config layer, none where nothing is in it; ``source`` names it in an error."""
    document = _first_document(content)
    if not document:
        return []
    try:
        data = goyaml.load(document)
    except goyaml.YAMLError as error:
        raise ConfigError(f"{source} is not YAML: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(
            f"{source} holds {_kind(data)}, not a mapping: write `configs:` and below it a list of entries"
        )
    entries = data.get("configs")
    if entries is not None and not isinstance(entries, list):
        raise ConfigError(f"{source}: configs is {_kind(entries)}, not a list")
    return entries or []


async def settings_of(name: str, entries: list[Any], helm: Helm, source: str) -> Settings:
    """Return the settings in the first entry of a chart's name; both of its texts have to be there."""
    client_config, overrides = _strings(name, entries, source)
    return Settings(
        client_config=await helm.values(client_config),
        overrides=overrides,
        values=await helm.values(overrides),
    )


def check_flags(settings: Settings) -> None:
    """Raise ConfigError where a field of helm's install action is not of its type.

    module-manager finds that out when it installs, and not when it reads the layer.
    """
    for flag, value in settings.client_config.items():
        wanted = _FLAGS.get(flag)
        if wanted is not None and type(value) is not wanted:
            raise ConfigError(
                f"clientConfig: unsupported flag value {flag}:{value}, which has to be {_NAMES[wanted]}"
            )


def _strings(name: str, entries: list[Any], source: str) -> tuple[str, str]:
    for entry in entries:
        if not isinstance(entry, dict):
            raise ConfigError(f"{source}: an entry of configs is {_kind(entry)}, not a mapping")
        if entry.get("name") == name:
            return _string(entry, "clientConfig", source), _string(entry, "overrides", source)
    return "", ""


def _string(entry: dict[str, Any], key: str, source: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise ConfigError(
            f"{source}: {key} of {entry['name']} is {_kind(value)}, and has to be a text, if an empty one"
        )
    return value


def _first_document(content: bytes) -> bytes:
    """Return what Go's reader takes for the first document: a comment before ``---`` is an empty one."""
    lines: list[bytes] = []
    for line in content.splitlines(keepends=True):
        if not line.startswith(b"---"):
            lines.append(line)
        elif lines:
            break
    return b"".join(lines)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "a text"
        case _:
            return "a number"
