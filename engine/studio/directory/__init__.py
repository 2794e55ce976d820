"""Many tenants: made, housed, backed up, moved, deleted."""
