"""Databases as older releases left them."""

import sqlalchemy as sa


def take_back_readings(connection: sa.Connection) -> None:
    """Take back what migration 0007 made."""
    connection.exec_driver_sql("DROP TABLE unreadable_cell")
    connection.exec_driver_sql("ALTER TABLE model_column DROP COLUMN spelling")
    connection.exec_driver_sql("ALTER TABLE model_column DROP COLUMN missing")
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0006'")
