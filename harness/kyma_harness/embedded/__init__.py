"""Run a real control plane as child processes: toolchain, certificates, components, supervisor."""
