"""A stand-in for the k3d program that answers as it was recorded, and notes how it was called."""

import json
import sys
import textwrap

from docker_daemon import a_container

VERSION = "k3d version v5.9.0\nk3s version v1.35.5-k3s1 (default)\n"
PULL_FAILED = (
    'level=error msg="failed Cluster Creation: failed setup of server/agent node k3d-kyma-server-0: '
    "docker failed to pull image 'docker.io/rancher/k3s:v1.35.5-k3s1'\"\n"
    'level=fatal msg="Cluster creation FAILED, rollback deactivated."\n'
)
NOT_IMPORTED = (
    "level=info msg=\"Importing image(s) into cluster 'test'\"\n"
    "level=error msg=\"failed to import images in node 'k3d-test-server-0': Exec process in node "
    "'k3d-test-server-0' failed with exit code '1'\"\n"
    'level=info msg="Successfully imported 1 image(s) into 1 cluster(s)"\n'
)
SCRIPT = """\
    #!{python}
    import json, os, pathlib, sys
    folder = pathlib.Path({folder!r})
    calls = folder / "calls.jsonl"
    call = dict(arguments=sys.argv[1:], kubeconfig=os.environ.get("KUBECONFIG"))
    with calls.open("a") as file:
        print(json.dumps(call), file=file)
    replies = json.loads((folder / "replies.json").read_text())
    key = " ".join(sys.argv[1:3])
    turns = replies.get(key, [dict()])
    seen = sum(" ".join(json.loads(line)["arguments"][:2]) == key for line in calls.read_text().splitlines())
    reply = turns[min(seen, len(turns)) - 1]
    if "containers" in reply:
        (folder / "containers.json").write_text(json.dumps(reply["containers"]))
    sys.stdout.write(reply.get("out", ""))
    sys.stderr.write(reply.get("err", ""))
    sys.exit(reply.get("code", 0))
"""


class RecordedK3d:
    """The program ``k3d`` in a folder; ``containers.json`` beside it is what the daemon then has."""

    def __init__(self, folder):
        self.folder = folder
        self.program = folder / "k3d"
        text = textwrap.dedent(SCRIPT).format(python=sys.executable, folder=str(folder))
        self.program.write_text(text)
        self.program.chmod(0o755)
        self.reply({"version": [{"out": VERSION}]})

    def reply(self, replies):
        """Say what each command answers, by its first two words and by turns; the last turn stays."""
        (self.folder / "replies.json").write_text(json.dumps({"version": [{"out": VERSION}], **replies}))

    @property
    def calls(self):
        file = self.folder / "calls.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def commands(self):
        """What it was asked for, by two words each."""
        return [" ".join(call["arguments"][:2]) for call in self.calls]


def containers_of(cluster, *, ours=True, port="5001"):
    """What Docker has of a cluster that k3d made: its node and its registry, as k3d labels them."""
    labels = {"app": "k3d", "k3d.cluster": cluster}
    mark = {"kyma-harness.io/cluster": cluster} if ours else {}
    return {
        f"k3d-{cluster}-server-0": a_container(labels={**labels, **mark, "k3d.role": "server"}),
        f"k3d-{cluster}-registry": a_container(
            labels={**labels, "k3d.role": "registry"}, ports={"5000/tcp": port}
        ),
    }
