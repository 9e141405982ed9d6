"""The built-in pair: lifecycle-manager and module-manager where the originals are out of reach.

Both keep the contract of December 2022 for one cluster (``sync.enabled: false``, ``target: control-plane``).
"""
