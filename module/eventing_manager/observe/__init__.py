"""See what is: one picture of the cluster and of NATS for each decision."""
