"""Examples that run as they are, each with the library of its name."""
