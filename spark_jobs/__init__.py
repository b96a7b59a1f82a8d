"""From survey catalogue to lens stamps: the jobs that Spark fans out, and the audits of what they wrote."""
