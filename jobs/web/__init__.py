"""How is it served? The HTTP floor: routes, the stream, the text log, and who may call."""
