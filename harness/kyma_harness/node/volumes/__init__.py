"""Volumes as directories: configuration, claims, and the provisioner behind them."""
