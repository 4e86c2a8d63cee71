"""What draws the curves of a cell while it runs."""
