"""Prove a Kyma module against the lifecycle managers' contract, on any cluster."""
