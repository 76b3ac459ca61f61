"""A Gymnasium suite for memory-augmented agents."""
