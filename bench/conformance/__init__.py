"""The conformance test of a method: tiny loops, run as all loops are, and what a method may not do in them."""
