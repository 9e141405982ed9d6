"""Commands of ``kyma-harness`` that are a story of their own; ``kyma_harness.cli`` registers them."""
