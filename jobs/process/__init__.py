"""How does a worker function run in a process of its own? Forked by a small server, heard over a socket."""
