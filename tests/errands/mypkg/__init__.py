"""What a newcomer adds to memgym, in a package of their own: each file is one errand of .github/CONTRIBUTING.md."""
