"""Run level-triggered controllers on the official Kubernetes client; knows neither Eventing nor tests."""

import logging

# As libraries do: a program without a log of its own, such as a command line, prints no bare message of ours.
logging.getLogger(__name__).addHandler(logging.NullHandler())
