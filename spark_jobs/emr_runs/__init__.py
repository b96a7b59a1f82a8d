"""Runs on EMR: what is asked, what it needs, what it costs, the requests that start it, and how it goes."""
