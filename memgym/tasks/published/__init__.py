"""Published benchmarks: one loader each, with the benchmark's own score."""
