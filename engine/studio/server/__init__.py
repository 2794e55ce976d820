"""Processes and the port they share."""
