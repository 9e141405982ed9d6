"""Lay the evidence of one failed test down in a folder."""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from kubeloop import goyaml
from kyma_harness.evidence.failure import Findings, Incident, as_data, scrubbed
from kyma_harness.kube.redaction import without
from kyma_harness.wait.narrative import event_line
from kyma_harness.wait.timeline import lines

DATA = "evidence.json"
"""What the report is drawn from; it also marks a folder as ours."""
NAME_LENGTH = 80
LONGEST_NAME = 255
"""Bytes; two names of Kubernetes together may have more."""


def folder_name(test: str) -> str:
    """Return a folder's name for a test: readable, and unlike any other test's."""
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", test.partition("::")[2] or test).strip("-.")
    return f"{slug[:NAME_LENGTH]}-{sha256(test.encode()).hexdigest()[:6]}"


def file_name(stem: str, ending: str = "") -> str:
    """Return a file's name; a stem that no file system takes is cut, and stays unlike any other."""
    if len((stem + ending).encode()) <= LONGEST_NAME:
        return stem + ending
    tail = f"-{sha256(stem.encode()).hexdigest()[:6]}{ending}"
    return stem.encode()[: LONGEST_NAME - len(tail)].decode(errors="ignore") + tail


def discard(base: Path, test: str) -> None:
    """Remove what an earlier run has left of a test."""
    old = base / folder_name(test)
    if (old / DATA).is_file():
        shutil.rmtree(old)


def lay_down(base: Path, incident: Incident, findings: Findings, logs: Path | None = None) -> Path:
    """Write everything, in place of what an earlier run has left of this test; returns the folder.

    What fails after the test has failed already, as its clean-up may, has a folder of its own within that.
    ``logs`` is a folder with the logs of the cluster's own parts, where they are evidence too.
    """
    secrets = findings.secrets
    incident, findings = scrubbed(incident, findings)
    folder = base / folder_name(incident.test)
    if incident.follows:
        folder /= incident.phase
    else:
        discard(base, incident.test)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "failure.txt", f"{incident.cause}\n\n{incident.message}")
    _write(folder / "rerun.sh", f"#!/bin/sh\n{incident.command}\n").chmod(0o755)
    _write(folder / "facts.txt", "".join(f"{name}: {value}\n" for name, value in incident.facts.items()))
    _write(folder / "events.txt", _text(event_line(dict(one)) for one in findings.events))
    _write(folder / "timeline.txt", _text(lines(findings.transitions, incident.started)))
    _write(folder / "steps.txt", _text(_step_lines(incident, findings)))
    if findings.problems:
        _write(folder / "problems.txt", _text(findings.problems))
    for obj in findings.objects:
        _write_object(folder / "objects", obj)
    for log in findings.logs:
        name, ending = (
            f"{log.namespace}_{log.pod}_{log.container}",
            ".previous.log" if log.previous else ".log",
        )
        _write(
            folder / "logs" / file_name(name, ending),
            log.text or f"(nothing: {log.problem or 'it wrote nothing'})\n",
        )
    if logs:
        _copy_logs(logs, folder / "cluster", secrets)
    _write(folder / DATA, json.dumps(as_data(incident, findings), default=str))
    return folder


def _copy_logs(logs: Path, folder: Path, secrets: Iterable[str]) -> None:
    for file in sorted(one for one in logs.rglob("*") if one.is_file()):
        text = file.read_text(encoding="utf-8", errors="replace")
        _write(folder / file.relative_to(logs), without(secrets, text))


def _write_object(base: Path, obj: Mapping[str, Any]) -> None:
    group = obj["apiVersion"].rpartition("/")[0]
    kind = f"{obj['kind']}.{group}" if group else obj["kind"]
    name, namespace = obj["metadata"]["name"].replace(":", "_"), obj["metadata"].get("namespace")
    file = file_name(f"{namespace}_{name}" if namespace else name, ".yaml")
    _write(base / file_name(kind) / file, goyaml.dump(dict(obj)))


def _step_lines(incident: Incident, findings: Findings) -> Iterable[str]:
    for step in findings.steps:
        mark = "✓" if step.ok else "✗"
        indent = "  " * step.depth
        yield f"{step.started - incident.started:+8.2f} s {step.seconds:7.2f} s {mark} {indent}{step.name}"


def _text(parts: Iterable[str]) -> str:
    return "".join(f"{part}\n" for part in parts)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
