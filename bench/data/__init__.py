"""Real images: where they come from, how they are split, and which of them a generation may see."""
