"""A drawn sky in the survey's own files."""
