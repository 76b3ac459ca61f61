"""Modules that the wheel has at its top: names by which programs of others find this package."""
