"""Where are the rows kept? The database: its schema, the one writer, the readers. Only here is SQL.

Where a statement is marked S608, what its text is made of are names of tables and columns and question marks,
all from here. What comes from elsewhere is a parameter.
"""
