from shared import meet, put, take_stock

from kubeloop.kinds import CONFIG_MAP


def test_of_a_namespace_runs_beside_the_other(namespace, api):
    meet("two", "one")

    put(api, namespace, "same-name")

    assert "same-name" in [item["metadata"]["name"] for item in api.all(CONFIG_MAP, namespace)]


def test_of_the_kyma_has_it_alone(kyma, api):
    take_stock(kyma, api)


def test_of_the_kyma_has_it_alone_again(kyma, api):
    take_stock(kyma, api)
