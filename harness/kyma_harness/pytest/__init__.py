"""The fixtures and hooks of the plugin: one module for each concern."""
