"""Where are the rows kept? The database: its schema, the one writer, the readers. Only here is SQL."""
