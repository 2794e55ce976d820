"""Names → things: the nouns as written become the Catalog, every expression typed on the way."""
