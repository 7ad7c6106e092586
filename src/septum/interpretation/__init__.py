"""What a study's numbers mean: beside healthy people, and beside the groups of ACDC. No diagnosis."""
