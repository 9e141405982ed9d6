def test_whose_namespace_cannot_go(namespace, api):
    metadata = {"name": "stuck", "namespace": namespace, "finalizers": ["example.com/nobody-serves-it"]}

    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
