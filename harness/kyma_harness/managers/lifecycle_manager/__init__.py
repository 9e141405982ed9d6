"""lifecycle-manager: a Kyma's modules become Manifests, and their states the Kyma's."""
