"""The database's revisions, inside the package so that an installed wheel can migrate."""
