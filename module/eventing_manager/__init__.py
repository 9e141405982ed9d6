"""Provision the backend that an Eventing resource asks for, and take it away again."""
