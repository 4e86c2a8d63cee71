"""Feature spaces: what a score is measured in. A score without its feature space has no meaning."""
