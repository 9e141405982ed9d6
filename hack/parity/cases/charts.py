"""What a chart may contain, and how its YAML, its definitions and its settings are read."""

from dataclasses import replace

from hack.parity.sample_module import Recipe
from hack.parity.stage import Stage

SHADE = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: "shades.{slug}.example.com"}
spec:
  group: "{slug}.example.com"
  scope: Namespaced
  names: {kind: Shade, plural: shades}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-preserve-unknown-fields: true
            properties:
              operator: {type: string, enum: ["!=", =]}
              mode: {type: string, pattern: "^(?i)(on|off)?$"}
              room: {type: string, pattern: '^[\\p{L}\\p{N} ]+$'}
"""
SHADES = f"{{lamp}}---\n{SHADE}"
A_SHADE = """\
apiVersion: "{slug}.example.com/v1"
kind: Shade
metadata: {name: "{slug}-shade", namespace: parity}
spec:
"""
EVERY_TYPE = """\
  operator: =
  mode: "OFF"
  room: Küche 1
  shared: &shared {colour: red}
  merged: {<<: *shared, watts: 5}
  again: *shared
  value: {<: <<, "<<": kept, ==: =}
  words: [y, n, Y, N, yes, No, on, OFF, true, False, ~, null, Null, "yes"]
  keys: {on: 1, 1: one, 1.5: more, 0x1F: hexadecimal}
  integers: [0, 017, 0o17, 08, 0b11, 0x1F, 1_000, +1, -1, 1_, 685_230]
  floats: [1e3, 1E-3, 1., .5, .5_0, -0.0, 1_000.5, 685_230.15, 1e21]
  large: [9223372036854775807, -9223372036854775808]
  sexagesimals: [1:30, 190:20:30, 20:30.15]
  times: [2001-01-01, 2001-12-14t21:59:43.10-05:00, 2001-12-14 21:59:43]
  texts: [inf, nan, 0o8, 0b12, 0x, 1e, 1.2.3, -, 12e03x]
  tagged: [!!str 1, !!int "3", !!float 3, !!bool "yes", !!binary aGVsbG8=, !unknown x]
  tabs: [a\t, b]
  twice: first
  twice: second
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{slug}", namespace: parity}
spec:
  replicas: 0
  selector: {matchLabels: {app: "{slug}"}}
  template:
    metadata: {labels: {app: "{slug}"}}
    spec:
      containers:
      - name: main
        image: registry.example.com/nothing:1
        imagePullPolcy: Always
        env: [{name: COLOUR, value: red}, {name: COLOUR, value: green}]
"""
LIST = """\
apiVersion: v1
kind: {kind}
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: "{slug}-listed", namespace: parity}
"""
JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {generateName: "{slug}-", namespace: parity}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: example.com/x}]}}}
"""
SUB_CHART = "apiVersion: v2\nname: light\nversion: 1.0.0\n"


async def chart_with_every_implicit_type(stage: Stage) -> None:
    """A custom resource of the chart has a plain scalar of every type of YAML 1.1 and 1.2."""
    await stage.create_kyma()
    await stage.install(Recipe(crds=SHADES, files={"templates/shade.yaml": f"{A_SHADE}{EVERY_TYPE}"}))


async def chart_with_an_equals_sign(stage: Stage) -> None:
    """A ConfigMap of the chart has a bare = for a value, and the module is removed again."""
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{slug}-bare"}\ndata: {operator: =}\n'
    await _there_and_gone(stage, Recipe(files={"templates/bare.yaml": text}))


async def environment_that_is_named_twice(stage: Stage) -> None:
    """A Deployment of the chart names a variable twice, and a field that there is not."""
    await _there_and_gone(stage, Recipe(files={"templates/deployment.yaml": DEPLOYMENT}))


async def definitions_of_a_sub_chart(stage: Stage) -> None:
    """The definitions are in a folder below crds/ of a sub-chart, and the module is removed again."""
    files = {"charts/light/Chart.yaml": SUB_CHART, "templates/shade.yaml": f"{A_SHADE}  colour: red\n"}
    await _there_and_gone(stage, Recipe(crds=SHADES, crds_at="charts/light/crds/v1/all.yaml", files=files))


async def definitions_in_two_files(stage: Stage) -> None:
    """There are two files in crds/, of which the second defines something else, and the module is removed."""
    await _refused(stage, Recipe(files={"crds/shades.yaml": SHADE}))


async def definitions_as_a_list(stage: Stage) -> None:
    """The definitions are a List, as kubectl prints them, and the module is removed."""
    text = "apiVersion: v1\nkind: List\nitems:\n- " + SHADE.replace("\n", "\n  ").rstrip() + "\n"
    await _refused(stage, Recipe(crds=text))


async def list_in_a_template(stage: Stage) -> None:
    """A template of the chart makes a List, and the module is removed."""
    await _refused(stage, Recipe(files={"templates/list.yaml": LIST.replace("{kind}", "List")}))


async def config_map_list_in_a_template(stage: Stage) -> None:
    """A template of the chart makes a ConfigMapList, and the module is removed."""
    await _refused(stage, Recipe(files={"templates/list.yaml": LIST.replace("{kind}", "ConfigMapList")}))


async def generated_name_in_a_template(stage: Stage) -> None:
    """A Job of the chart has a generateName in place of a name, and the module is removed."""
    await _refused(stage, Recipe(files={"templates/job.yaml": JOB}))


async def upgrade_that_changes_a_custom_resource(stage: Stage) -> None:
    """A newer chart has another value in a custom resource of its own, which stays as it was."""
    first = {"templates/shade.yaml": f"{A_SHADE}  colour: red\n  gone: true\n"}
    second = {"templates/shade.yaml": f"{A_SHADE}  colour: green\n"}
    await _upgraded(stage, Recipe(crds=SHADES, files=first), Recipe(crds=SHADES, files=second))


async def upgrade_that_drops_a_field(stage: Stage) -> None:
    """A newer chart lacks a field of an object that the older one had, and changes another."""
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{slug}-fields"}\ndata: '
    first = {"templates/fields.yaml": f"{text}{{colour: red, gone: soon}}\n"}
    second = {"templates/fields.yaml": f"{text}{{colour: green}}\n"}
    await _upgraded(stage, Recipe(files=first), Recipe(files=second))


async def config_with_lists_and_commas(stage: Stage) -> None:
    """The overrides have a list, an index and a comma that separates nothing."""
    overrides = "args={--a,--b},colour=red\\\\,green,names[0]=x"
    entry = f'{{name: {stage.short_name}, clientConfig: "", overrides: "{overrides}"}}'
    await stage.create_kyma()
    await stage.install(Recipe(config=f"configs:\n- {entry}\n"))


async def config_that_is_a_list(stage: Stage) -> None:
    """The config layer is a list, and the module is removed."""
    await _refused(stage, Recipe(config="- name: lamp\n"))


async def config_that_is_a_comment(stage: Stage) -> None:
    """The config layer has nothing but a comment in it, and the module is removed."""
    await _refused(stage, Recipe(config="# nothing\n"))


async def config_whose_overrides_are_a_map(stage: Stage) -> None:
    """The overrides are a map, and the module is removed."""
    entry = f"{{name: {stage.short_name}, clientConfig: '', overrides: {{colour: red}}}}"
    await _refused(stage, Recipe(config=f"configs:\n- {entry}\n"))


async def config_with_overrides_alone(stage: Stage) -> None:
    """The config layer has overrides and no clientConfig, and the module is removed."""
    entry = f"{{name: {stage.short_name}, overrides: colour=red}}"
    await _refused(stage, Recipe(config=f"configs:\n- {entry}\n"))


async def config_with_a_path_through_a_text(stage: Stage) -> None:
    """The overrides set a value and then another below it, and the module is removed."""
    entry = f"{{name: {stage.short_name}, clientConfig: '', overrides: 'colour=red,colour.depth=dark'}}"
    await _refused(stage, Recipe(config=f"configs:\n- {entry}\n"))


async def config_with_a_flag_of_another_type(stage: Stage) -> None:
    """The clientConfig has a text where helm wants true or false, and the module is removed."""
    entry = f"{{name: {stage.short_name}, clientConfig: CreateNamespace=perhaps, overrides: ''}}"
    await _refused(stage, Recipe(config=f"configs:\n- {entry}\n"))


async def _there_and_gone(stage: Stage, recipe: Recipe) -> None:
    await stage.create_kyma()
    module = await stage.install(recipe)
    await stage.disable(module)
    await stage.until_removed(module)


async def _refused(stage: Stage, recipe: Recipe) -> None:
    await stage.create_kyma()
    module = await stage.offer(recipe)
    await stage.enable(module)
    await stage.until_manifest(module, "Error")
    await stage.settle()
    await stage.disable(module)
    await stage.settle()


async def _upgraded(stage: Stage, first: Recipe, second: Recipe) -> None:
    await stage.create_kyma()
    await stage.install(first)
    newer = await stage.offer(replace(second, version="1.1.0"))
    await stage.until_version(newer)
    await stage.until_ready(newer)


CASES = (
    chart_with_every_implicit_type,
    chart_with_an_equals_sign,
    environment_that_is_named_twice,
    definitions_of_a_sub_chart,
    definitions_in_two_files,
    definitions_as_a_list,
    list_in_a_template,
    config_map_list_in_a_template,
    generated_name_in_a_template,
    upgrade_that_changes_a_custom_resource,
    upgrade_that_drops_a_field,
    config_with_lists_and_commas,
    config_that_is_a_list,
    config_that_is_a_comment,
    config_whose_overrides_are_a_map,
    config_with_overrides_alone,
    config_with_a_path_through_a_text,
    config_with_a_flag_of_another_type,
)
