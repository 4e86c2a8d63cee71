"""What is kept of a cell while it runs and after: journal, folder, checkpoints, costs."""
