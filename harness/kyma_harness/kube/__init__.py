"""Read what an API server has: logs, kinds that are served, schemas, inventories."""
