"""Speak the lifecycle managers' contract of December 2022: bundle, deploy, enable, verify, built-in pair."""
