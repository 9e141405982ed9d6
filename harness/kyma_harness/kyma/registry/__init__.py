"""Speak to an OCI registry: where it is, who we are to it, what it holds."""
