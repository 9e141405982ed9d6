"""The programs of others that the harness works with: found, fetched or built, of the pinned version."""
