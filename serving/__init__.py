"""Who is answered: the scoring API, the batch, the stored assessments and the console."""
