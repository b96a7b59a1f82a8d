"""From a survey's server to files on disk: what is asked for, how politely, and what is believed."""
