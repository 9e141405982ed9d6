"""Commands of ``kyma-harness`` that are a story of their own; ``harness.cli`` registers them."""
