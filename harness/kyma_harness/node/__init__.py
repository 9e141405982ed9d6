"""Be the node: register it, run the pods bound to it as host processes, report on them as a kubelet does."""
