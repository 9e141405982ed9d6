"""A container's way: the process that stands for it, its probes, hooks, restarts and logs."""
