"""The API: one thin blueprint for each audience."""
