"""A tenant as it is served, a request at it, the doors into it, and statements with their values."""
