"""A program as a Python function."""
