"""The interface of a mitigation method: its hooks and their calls, its pool and context, its file."""
