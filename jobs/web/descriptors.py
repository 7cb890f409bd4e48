"""How many connections may there be? As many as there are descriptors, but for some."""

import resource

# Kept free of streams; most are the service's own files, and these connections may ask for other things.
SPARE_DESCRIPTORS = 64
SPARE_CONNECTIONS = 12


def raise_descriptor_limit() -> None:
    """As many descriptors as the system allows: each viewer is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def max_streams() -> int:
    """How many streams may be open: some descriptors stay free for other requests and the database."""
    return max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS)


def most_connections() -> int:
    """How many connections may be open, those for other requests too."""
    return max_streams() + SPARE_CONNECTIONS
