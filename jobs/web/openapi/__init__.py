"""What may programs rely on? The table of routes as a document of OpenAPI 3.1, held to them by tests."""
