"""A document written: the body of the transaction, and everything that is to hold when it commits."""
