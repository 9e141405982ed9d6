"""A module.yaml is made of what a repository has, and says where it was guessed."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import kyma_harness
from kubeloop import goyaml
from kyma_harness.cli import commands
from kyma_harness.kyma.module import Module
from kyma_harness.node.rules.rules import Rules
from kyma_harness.scaffold.files import texts, write
from kyma_harness.scaffold.guess import guess
from kyma_harness.scaffold.repository import RepositoryError, look, rendered

LAMP = Path(kyma_harness.__file__).parent / "examples" / "lamp"
CRD = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"


@pytest.fixture
def guessed(tools):
    """Look through a folder, and guess."""

    async def call(folder, chart=None):
        found = look(folder, chart)
        return found, guess(found, await rendered(found, tools.folder))

    return call


async def test_a_repository_of_kubebuilders_becomes_a_module_that_loads(repository, guessed):
    folder = repository()
    found, module = await guessed(folder)

    write(found, texts(found, module))

    loaded = Module.load(folder / "module.yaml")
    assert (loaded.name, loaded.version) == ("kyma-project.io/module/torch", "1.2.3")
    assert (loaded.manager.namespace, loaded.manager.deployment, loaded.manager.container) == (
        "torch-system",
        "torch-controller-manager",
        "manager",
    )
    assert loaded.chart == folder / "config" / "default"
    assert loaded.default_cr["spec"] == {"watts": 60}


async def test_its_rules_build_upon_the_flags_that_kubebuilders_manager_knows(repository, guessed):
    folder = repository()
    found, module = await guessed(folder)

    write(found, texts(found, module))

    manager, proxy = Rules.load([folder / "kyma" / "rules.yaml"]).rules
    assert manager.matches("example.com/torch-operator:v1.2.3", frozenset())
    assert manager.command == ("{module}/../bin/manager",)
    assert manager.args == ("--leader-elect=false",)
    assert manager.listen == {
        8081: ("--health-probe-bind-address={address}",),
        8080: ("--metrics-bind-address={address}",),
    }
    assert proxy.matches("gcr.io/kubebuilder/kube-rbac-proxy:v0.13.1", frozenset())
    assert proxy.simulate
    assert "go build -o bin/manager ./cmd" in (folder / "kyma" / "rules.yaml").read_text()


async def test_its_test_compiles_and_names_its_custom_resource(repository, guessed):
    found, module = await guessed(repository())

    text = texts(found, module)["kyma/test_torch.py"]

    compile(text, "test_torch.py", "exec")
    assert 'Kind.parse("operator.example.com/v1alpha1", "Torch")' in text
    assert 'NAME, NAMESPACE = "default-kyma-torch", "kcp-system"' in text


async def test_the_namespace_that_goes_with_the_module_is_warned_of(repository, guessed):
    _, module = await guessed(repository())

    assert [one for one in module.warnings if "Namespace torch-system is part of what is installed" in one]


async def test_a_chart_is_found_wherever_it_is(tmp_path, guessed):
    shutil.copytree(LAMP / "chart", tmp_path / "deploy" / "lamp")

    found, module = await guessed(tmp_path)

    assert found.source == tmp_path / "deploy" / "lamp"
    assert (module.kind, module.deployment, module.namespace) == ("Lamp", "lamp-manager", "lamps")


async def test_a_default_cr_is_written_where_no_sample_is(repository, guessed):
    folder = repository()
    (folder / "config" / "samples" / "torch.yaml").unlink()
    found, module = await guessed(folder)

    written = texts(found, module)

    assert goyaml.load(written["kyma/default-cr.yaml"])["kind"] == "Torch"
    assert "# written here" in written["module.yaml"]


async def test_a_single_file_of_yaml_is_taken_when_it_is_named(repository, guessed, tmp_path):
    folder = repository()
    both = [folder / "config" / "crd" / "torches.yaml", folder / "config" / "manager" / "manager.yaml"]
    (file := tmp_path / "all.yaml").write_text("---\n".join(one.read_text() for one in both))

    found, module = await guessed(folder, file)

    assert found.source == file
    assert module.namespace == "system"


async def test_a_crd_that_has_no_state_is_warned_of(repository, guessed):
    folder = repository()
    file = folder / "config" / "crd" / "torches.yaml"
    file.write_text(file.read_text().replace("state: {type: string}", "phase: {type: string}"))

    _, module = await guessed(folder)

    assert [one for one in module.warnings if "the CRD of Torch has no status.state" in one]


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("keda-manager", "keda"),
        ("Torch_Operator", "torch"),
        ("btp-operator-controller", "btp"),
        ("x", "torch-module"),
        ("1password", "torch-module"),
        ("operator", "operator"),
    ],
)
async def test_the_module_is_named_after_its_project(repository, guessed, base, name):
    _, module = await guessed(repository(PROJECT=f"projectName: {base}\n"))

    assert module.short_name == name


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v1.2.3", "1.2.3"), ("2.0.0-rc.1", "2.0.0-rc.1"), ("latest", "0.0.1"), ("01.2.3", "0.0.1")],
)
async def test_the_version_is_the_tag_of_the_image_where_it_is_one(repository, guessed, tag, version):
    folder = repository()
    file = folder / "config" / "manager" / "kustomization.yaml"
    file.write_text(file.read_text().replace("v1.2.3", tag))

    _, module = await guessed(folder)

    assert module.version == version


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, r"no Chart\.yaml and no config/default.*kyma-harness example"),
        (
            lambda at: [write_chart(at / "a"), write_chart(at / "b")],
            r"several charts \(a, b\): name one with --chart",
        ),
        (lambda at: (at / "PROJECT").write_text("a: ["), r"PROJECT is not YAML"),
    ],
    ids=["nothing", "two charts", "a broken PROJECT"],
)
def test_a_folder_of_which_no_module_can_be_made_is_told_why(tmp_path, make, said):
    make(tmp_path)

    with pytest.raises(RepositoryError, match=said):
        look(tmp_path)


def write_chart(folder):
    folder.mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: a\nversion: 0.1.0\n")


@pytest.mark.parametrize("missing", ["Deployment", "CustomResourceDefinition"])
async def test_what_has_no_manager_or_no_definition_is_no_module(repository, guessed, missing):
    folder = repository()
    file = folder / "config" / ("manager/manager.yaml" if missing == "Deployment" else "crd/torches.yaml")
    file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: instead}\n")

    with pytest.raises(RepositoryError, match=f"installs no {missing}"):
        await guessed(folder)


async def test_a_kustomization_that_does_not_build_is_told_in_kubectls_words(repository, guessed):
    folder = repository()
    (folder / "config" / "default" / "kustomization.yaml").write_text("resources: [../nowhere]\n")

    with pytest.raises(RepositoryError, match=r"(?s)config/default does not render: .*nowhere"):
        await guessed(folder)


async def test_files_that_are_there_stay(repository, guessed):
    folder = repository()
    found, module = await guessed(folder)
    (folder / "module.yaml").write_text("name: mine\n")

    with pytest.raises(RepositoryError, match=r"has module\.yaml already: edit it"):
        write(found, texts(found, module))

    assert (folder / "module.yaml").read_text() == "name: mine\n"
    assert not (folder / "kyma").exists()


def test_the_command_names_what_it_wrote(repository, tools, monkeypatch):
    monkeypatch.setenv("KYMA_HARNESS_TOOLS", str(tools.folder))
    folder = repository()

    done = CliRunner().invoke(commands, ["init", str(folder)])

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        str(folder / path)
        for path in ("module.yaml", "kyma/config.yaml", "kyma/rules.yaml", "kyma/test_torch.py")
    ]
    assert "Namespace torch-system is part" in done.stderr
