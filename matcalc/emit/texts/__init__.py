"""A program as the text of another language."""
