"""Reads a stream with sseclient-py and prints the name, the id and the data of every event."""

import json
import sys
from urllib.request import urlopen

from sseclient import SSEClient

with urlopen(sys.argv[1], timeout=60) as response:
    for event in SSEClient(iter(response.read1, b"")).events():
        print(json.dumps([event.event, event.id, json.loads(event.data)]), flush=True)
