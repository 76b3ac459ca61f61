"""Tasks whose episodes are generated."""
