"""News from partners: who agreed to which partner's, in which words, and since when."""
