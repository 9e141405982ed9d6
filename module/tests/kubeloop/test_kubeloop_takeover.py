"""What others set on an object that is ours becomes ours, so that applying it removes it."""

import pytest

from kubeloop import takeover


def taken_over(managed, field_manager="us"):
    return takeover.taken_over(managed, field_manager, "v1")


def entry(manager, operation="Apply", *, subresource="", **fields):
    found = {"manager": manager, "operation": operation, "fieldsV1": {f"f:{name}": {} for name in fields}}
    return {**found, "subresource": subresource} if subresource else found


def ours(**fields):
    return entry("us", **fields)


def test_content_that_another_set_becomes_ours():
    fields = taken_over([ours(data=1), entry("kubectl-edit", "Update", data=1, spec=1)])

    assert fields == [ours(data=1, spec=1)]


def test_nested_fields_are_united():
    first = {"manager": "us", "operation": "Apply", "fieldsV1": {"f:data": {"f:a": {}}}}
    second = {"manager": "them", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}}

    (united,) = taken_over([first, second])

    assert united["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}}


def test_labels_annotations_and_status_are_left_to_others():
    managed = [ours(spec=1), entry("them", "Update", metadata=1, status=1)]

    assert taken_over(managed) is None


def test_what_is_set_by_a_subresource_is_left_alone():
    managed = [ours(spec=1), entry("controller", "Update", subresource="status", status=1, spec=1)]

    assert taken_over(managed) is None


def test_the_content_of_an_object_that_we_never_applied_becomes_ours():
    """One who adopts an object means all of it."""
    fields = taken_over([entry("them", "Update", metadata=1, spec=1), entry("others", data=1)])

    mine, theirs = fields
    assert (mine["manager"], mine["operation"], mine["apiVersion"]) == ("us", "Apply", "v1")
    assert mine["fieldsV1"] == {"f:spec": {}, "f:data": {}}
    assert theirs == entry("them", "Update", metadata=1)


def test_an_object_without_content_of_anybody_is_left_as_it_is():
    assert taken_over([entry("them", "Update", metadata=1)]) is None
    assert taken_over([]) is None


def a_template(*annotations, **more):
    metadata = {"f:annotations": {f"f:{name}": {} for name in annotations}} if annotations else {}
    return {"f:template": {"f:metadata": metadata | {f"f:{name}": {} for name in more}}}


@pytest.mark.parametrize("where", [["f:spec"], ["f:spec", "f:jobTemplate", "f:spec"]])
def test_annotations_of_the_pods_it_makes_are_left_to_others(where):
    """So ``kubectl rollout restart`` says that pods are to be made anew."""

    def within(fields):
        for name in reversed(where):
            fields = {name: fields}
        return fields

    theirs = {"manager": "them", "operation": "Update", "fieldsV1": within(a_template("restarted", labels=1))}

    mine, left = taken_over([ours(), theirs])

    assert mine["fieldsV1"] == within(a_template(labels=1))
    assert left["fieldsV1"] == within(a_template("restarted"))


def test_an_object_whose_pods_others_annotated_and_no_more_is_ours_as_it_is():
    theirs = {"manager": "them", "operation": "Update", "fieldsV1": {"f:spec": a_template("restarted")}}

    assert taken_over([ours(spec=1), theirs]) is None


def test_the_fields_that_were_given_are_not_changed():
    managed = [ours(data=1), entry("them", "Update", spec=1)]

    taken_over(managed)

    assert managed == [ours(data=1), entry("them", "Update", spec=1)]
