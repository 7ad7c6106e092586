"""The paper's study: methods, folds and data sets as data; what has run, what is left, and what came out."""
