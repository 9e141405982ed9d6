"""Run the same cases with both pairs of lifecycle managers, and name every difference between them."""
