"""The interface of a mitigation method, and how its file is read."""
