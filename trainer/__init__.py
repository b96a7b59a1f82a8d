"""The network: reads stamps from Parquet, trains, scores, evaluates, reports. It has never heard of Spark."""
