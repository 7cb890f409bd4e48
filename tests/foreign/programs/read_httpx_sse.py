"""Reads a stream with httpx-sse and prints the name, the id and the data of every event."""

import json
import sys

import httpx
from httpx_sse import connect_sse

with httpx.Client(timeout=60) as client, connect_sse(client, "GET", sys.argv[1]) as source:
    for event in source.iter_sse():
        if event.data:  # `retry` alone is told too
            print(json.dumps([event.event, event.id, event.json()]), flush=True)
