"""Be the node: register it, run the pods bound to it as host processes, and report on them as a kubelet does."""
