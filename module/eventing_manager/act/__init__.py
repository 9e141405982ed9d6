"""Carry steps out: the only code that writes to the cluster."""
