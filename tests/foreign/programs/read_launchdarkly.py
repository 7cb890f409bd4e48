"""Reads a stream with launchdarkly-eventsource and prints the name, the id and the data of every event."""

import json
import sys

from ld_eventsource import SSEClient
from ld_eventsource.config import ConnectStrategy, ErrorStrategy

connect = ConnectStrategy.http(sys.argv[1])
with SSEClient(connect, error_strategy=ErrorStrategy.always_continue()) as client:
    for event in client.events:
        print(json.dumps([event.event, event.id, json.loads(event.data)]), flush=True)
        if event.event == "end":
            break
