"""Lists and boards at the size of a province, through the service itself."""
