"""Gates: questions whose answers say whether stamps or a network can be trusted, each with its interval and its verdict."""
