"""Run level-triggered controllers on the official Kubernetes client; knows neither Eventing nor tests."""
