"""The lifecycle managers to deploy: the real ones, wherever they can be had, or the built-in pair."""
