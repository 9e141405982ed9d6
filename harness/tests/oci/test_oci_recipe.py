import pytest
import yaml

from kyma_harness.oci.image import RecipeError
from kyma_harness.oci.recipe import Recipe
from kyma_harness.session.options import PROJECT

RECIPE = PROJECT / "module" / "image.yaml"


def a_recipe(folder, **changes):
    described = {
        "name": "thing",
        "version": "1.2.3",
        "reference": "registry:5001/thing:1.2.3",
        "values": {"repository": "image.repository", "tag": "image.tag"},
        "assembly": {"distribution": "thing", "entrypoint": ["python", "-m", "thing"]},
    }
    file = folder / "image.yaml"
    file.write_text(yaml.safe_dump(described | changes))
    return file


def test_the_modules_own_names_the_image_as_its_chart_does():
    recipe = Recipe.load(RECIPE)
    values = yaml.safe_load((RECIPE.parent / "chart" / "values.yaml").read_text())

    assert recipe.reference == f"{values['image']['repository']}:{values['image']['tag']}"


def test_paths_are_absolute(tmp_path):
    (tmp_path / "source").mkdir()
    assembly = {"distribution": "thing", "entrypoint": ["python"], "files": {"/app": "source"}}

    recipe = Recipe.load(a_recipe(tmp_path, assembly=assembly))

    assert recipe.assembly.files == {"/app": tmp_path / "source"}
    assert recipe.context == tmp_path


def test_without_a_user_it_is_not_root(tmp_path):
    assert Recipe.load(a_recipe(tmp_path)).assembly.user == "65532:65532"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Upper Case"}, "name: 'Upper Case'"),
        ({"tag": "1"}, "'tag' was unexpected"),
        ({"values": {"repository": "a"}}, "values: 'tag' is a required property"),
        (
            {"assembly": {"distribution": "a", "entrypoint": ["b"], "user": "0"}},
            "assembly.user: '0' is not of the form",
        ),
        ({"dockerfile": "nowhere/Dockerfile"}, "dockerfile: .*/nowhere/Dockerfile does not exist"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, changes, said):
    with pytest.raises(RecipeError, match=said):
        Recipe.load(a_recipe(tmp_path, **changes))


@pytest.mark.parametrize(("content", "said"), [("- a list", "holds list"), ("a: [", "is not YAML")])
def test_a_file_that_is_no_recipe_is_refused(tmp_path, content, said):
    file = tmp_path / "image.yaml"
    file.write_text(content)

    with pytest.raises(RecipeError, match=said):
        Recipe.load(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"image\.yaml does not exist: name it in module.yaml"):
        Recipe.load(tmp_path / "image.yaml")
