"""The public list of signatories: its pages, and names that are withheld until enough have signed."""
