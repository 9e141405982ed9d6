"""Turn a picture of what is into steps: pure functions, each with a table of cases."""
