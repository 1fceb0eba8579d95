"""From a lead to a solved case: the rules of the work, which know neither a framework nor a database."""
