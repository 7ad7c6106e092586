"""Look at studies in a browser, correct their masks, and decide on them: a server on this machine alone."""
