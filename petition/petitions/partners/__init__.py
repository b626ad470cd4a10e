"""Partners: the organisations of a coalition, what each may do with a petition, and news from each of them."""
