"""One open database: schema, engine, migrations, clock, settings."""
