"""The HTTP interface: scores, the model's card, stored assessments, health."""
