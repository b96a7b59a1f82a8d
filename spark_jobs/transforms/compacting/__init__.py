"""Many small Parquet files, or a few huge ones, into shards of one size: same rows, same blobs."""
