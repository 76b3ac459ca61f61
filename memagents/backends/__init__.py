"""Model backends: what turns messages into completions."""
