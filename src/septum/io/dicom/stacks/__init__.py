"""From single frames to the stack that a model reads: grouping, ordering in time, choosing."""
