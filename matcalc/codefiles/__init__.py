"""Self-checking files: a function and its derivatives as code of several languages that checks itself when it is run."""
