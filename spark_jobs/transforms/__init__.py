"""What a job does to rows and files: each file one step, no Spark in it, run inside a worker or on its own."""
