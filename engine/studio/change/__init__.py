"""A change of a running system: planned, looked at, applied, taken back, carried elsewhere."""
