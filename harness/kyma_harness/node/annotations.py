"""The annotations by which the process node says what the Kubernetes API has no field for."""

# {"4222": "127.0.0.1:23456"}: on a pod by container port, on a Service by Service port.
ADDRESSES = "node.kyma-harness.io/addresses"
# The names of the containers that a rule only pretends to run, separated by commas.
SIMULATED = "node.kyma-harness.io/simulated"
# On the Node: that its pods are processes.
KIND = "node.kyma-harness.io/kind"
