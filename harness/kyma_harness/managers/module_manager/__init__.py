"""module-manager: a Manifest's layers become objects in the cluster, and their state the Manifest's."""
