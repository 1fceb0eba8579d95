"""One module a revision, each the step from the one before it. None is changed once it was released."""
