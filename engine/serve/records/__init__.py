"""Doors of records: one, many at once, their files, and files of many to bring in."""
