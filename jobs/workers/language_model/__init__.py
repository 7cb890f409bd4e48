"""What does a language model say? Asked over HTTP, with an answer that fits a schema."""
