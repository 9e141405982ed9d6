"""Wait for what a cluster is to come to, and say why it does not."""
