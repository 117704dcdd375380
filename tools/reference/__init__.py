"""The API reference, out of signatures and docstrings; nothing is imported or run to write it."""
