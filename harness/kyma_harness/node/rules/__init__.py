"""Process rules: which command stands for which image."""
