"""How a process of ours behaves: settings, log lines, HTTP manners, keys, loops, following."""
