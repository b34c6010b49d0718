"""Processes: what a parent and its children agree on, and what becomes of those that die."""
