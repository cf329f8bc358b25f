"""Files that end too early: what a file promises of its end, and the one policy for its lack."""
