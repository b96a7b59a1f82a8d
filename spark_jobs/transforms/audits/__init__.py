"""What is checked on a stamps directory, and how an audit is written down."""
