"""Speak the lifecycle managers' contract of December 2022: deploy, enable, verify, take away."""
