"""This process and those beside it."""
