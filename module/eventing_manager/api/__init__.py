"""What users write and read: the names, the spec, the status, and who is served."""
