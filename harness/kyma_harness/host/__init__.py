"""Ask the operating system for what a cluster of processes needs: processes, ports, locks, folders."""
