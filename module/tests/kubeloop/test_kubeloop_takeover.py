"""What others set on an object that is ours becomes ours, so that applying it removes it."""

from kubeloop.takeover import taken_over


def entry(manager, operation="Apply", *, subresource="", **fields):
    found = {"manager": manager, "operation": operation, "fieldsV1": {f"f:{name}": {} for name in fields}}
    return {**found, "subresource": subresource} if subresource else found


def ours(**fields):
    return entry("us", **fields)


def test_content_that_another_set_becomes_ours():
    fields = taken_over([ours(data=1), entry("kubectl-edit", "Update", data=1, spec=1)], "us")

    assert fields == [ours(data=1, spec=1)]


def test_nested_fields_are_united():
    first = {"manager": "us", "operation": "Apply", "fieldsV1": {"f:data": {"f:a": {}}}}
    second = {"manager": "them", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}}

    (united,) = taken_over([first, second], "us")

    assert united["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}}


def test_labels_annotations_and_status_are_left_to_others():
    managed = [ours(spec=1), entry("them", "Update", metadata=1, status=1)]

    assert taken_over(managed, "us") is None


def test_what_is_set_by_a_subresource_is_left_alone():
    managed = [ours(spec=1), entry("controller", "Update", subresource="status", status=1, spec=1)]

    assert taken_over(managed, "us") is None


def test_an_object_that_we_never_applied_is_left_alone():
    assert taken_over([entry("them", "Update", spec=1)], "us") is None


def test_the_fields_that_were_given_are_not_changed():
    managed = [ours(data=1), entry("them", "Update", spec=1)]

    taken_over(managed, "us")

    assert managed == [ours(data=1), entry("them", "Update", spec=1)]
