"""Read files in which somebody describes a thing, as module.yaml does, and say what is wrong with them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from kubeloop import goyaml
from kyma_harness.host.errors import HarnessError


def mapping_in(path: Path, refusal: type[HarnessError], *, remedy: str = "") -> dict[str, Any]:
    """Return the mapping that a file of YAML holds.

    What stands in the way is raised as `refusal`; `remedy` says what to do where there is no such file.
    """
    try:
        documents = goyaml.load_all(path.read_bytes())
    except FileNotFoundError:
        raise refusal(f"{path} does not exist", remedy=remedy) from None
    except OSError as error:
        raise refusal(f"{path} cannot be read ({error.strerror})", remedy=remedy) from None
    except goyaml.YAMLError as error:
        raise refusal(f"{path} is not YAML: {error}") from None
    found = [document for document in documents if document is not None]
    if len(found) > 1:
        raise refusal(f"{path} holds {len(found)} documents, and only the first would count: leave one")
    data = found[0] if found else None
    if not isinstance(data, dict):
        raise refusal(f"{path} holds {type(data).__name__}, not a mapping")
    return data


def neighbour(path: Path, key: str, value: str, refusal: type[HarnessError]) -> Path:
    """Return the whole path of what a description names by `key`; raises `refusal` where there is none."""
    found = (path.parent / value).resolve()
    if not found.exists():
        raise refusal(f"{path}: {key}: {found} does not exist; paths are relative to {path.name}")
    return found


def violations(
    data: Any,
    schema: Mapping[str, Any],
    *,
    whole: str = "",
    validator: Callable[[Mapping[str, Any]], Any] = Draft202012Validator,
) -> list[str]:
    """Return a sentence for each place where data breaks a JSON schema; `whole` is the name of all of it.

    `validator` may know other rules than JSON Schema's own.
    """
    errors: Iterable[ValidationError] = validator(schema).iter_errors(data)
    told = sorted(errors, key=lambda error: list(map(str, error.absolute_path)))
    # Of alternatives, which one was meant: that whose error is the deepest.
    return [_sentence(best_match([error]) or error, whole) for error in told]


def _sentence(error: ValidationError, whole: str) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    place = where.lstrip(".") or whole
    return f"{place}: {_words(error)}" if place else _words(error)


def _words(error: ValidationError) -> str:
    rule: Any = error.validator_value
    schema: Any = error.schema
    match error.validator:
        case "enum":
            return f"{error.instance!r} is not allowed; allowed are {', '.join(map(str, rule))}"
        case "pattern":
            examples = ", ".join(map(str, schema.get("examples", ())))
            return f"{error.instance!r} is not of the form {rule}" + (
                f", for example {examples}" if examples else ""
            )
        case "additionalProperties" if schema.get("properties"):
            return f"{error.message}; known are {', '.join(schema['properties'])}"
        case _:
            return error.message
