"""Speed of the service beside an empty endpoint and other servers of models."""
