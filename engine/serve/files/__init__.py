"""Contents of files: taken in, known by their beginnings, bound to a document."""
