"""The Eventing module, proven end to end on any cluster."""
