"""One document: what a body asks of it, how its rows reach the tables, who may, and what may be done next."""
