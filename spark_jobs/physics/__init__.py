"""Lensing, light and noise: arrays in, arrays out; nothing of Spark, Parquet or rows."""
