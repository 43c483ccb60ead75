"""A process of its own in which files from outside are read: it reaches no network, and it may die without harm."""
