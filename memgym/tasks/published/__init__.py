"""Tasks that read a file: one loader per published benchmark, with its own score; ``custom`` reads your own data."""
