"""Reading the files that benchmarks are published as, and data sets on a hub."""
