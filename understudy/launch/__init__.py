"""The laptop: which processes to start, how to keep them up, where redis-server comes from."""
